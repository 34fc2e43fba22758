//! Functions that are not available yet, and what each answers.
//!
//! The statuses are those that the SDKs take as "not there" without a panic.
//! Nothing in this table answers OK for work that it does not do: the three
//! `Ok` rows are plain "no" answers, for which the ABI has no other form.

use std::collections::HashSet;

use fastlike_abi::types::{FastlyStatus as Status, HostError};
use fastlike_abi::{FUNCTIONS, WasmType};
use parking_lot::Mutex;
use wasmtime::{FuncType, Linker, Val, ValType};

use crate::sandbox::Sandbox;

/// Module, function, answer, why.
#[rustfmt::skip]
const TABLE: &[(&str, &str, Status, &str)] = &[
    ("fastly_acl", "lookup", Status::Badf, "no ACL can be opened"),
    ("fastly_acl", "open", Status::None, "as an unknown ACL"),
    ("fastly_cache", "cache_busy_handle_wait", Status::Badf, "no lookup succeeds"),
    ("fastly_cache", "close", Status::Badf, "no lookup succeeds"),
    ("fastly_cache", "close_busy", Status::Badf, "no lookup succeeds"),
    ("fastly_cache", "get_age_ns", Status::None, "no lookup succeeds"),
    ("fastly_cache", "get_body", Status::None, "no lookup succeeds"),
    ("fastly_cache", "get_hits", Status::None, "no lookup succeeds"),
    ("fastly_cache", "get_length", Status::None, "no lookup succeeds"),
    ("fastly_cache", "get_max_age_ns", Status::None, "no lookup succeeds"),
    ("fastly_cache", "get_stale_while_revalidate_ns", Status::None, "no lookup succeeds"),
    ("fastly_cache", "get_state", Status::Badf, "no lookup succeeds"),
    ("fastly_cache", "get_user_metadata", Status::None, "no lookup succeeds"),
    ("fastly_cache", "insert", Status::Unsupported, "no core cache"),
    ("fastly_cache", "lookup", Status::Unsupported, "no core cache"),
    ("fastly_cache", "replace", Status::Unsupported, "no core cache"),
    ("fastly_cache", "replace_get_age_ns", Status::None, "no lookup succeeds"),
    ("fastly_cache", "replace_get_body", Status::None, "no lookup succeeds"),
    ("fastly_cache", "replace_get_hits", Status::None, "no lookup succeeds"),
    ("fastly_cache", "replace_get_length", Status::None, "no lookup succeeds"),
    ("fastly_cache", "replace_get_max_age_ns", Status::None, "no lookup succeeds"),
    ("fastly_cache", "replace_get_stale_while_revalidate_ns", Status::None, "no lookup succeeds"),
    ("fastly_cache", "replace_get_state", Status::Badf, "no lookup succeeds"),
    ("fastly_cache", "replace_get_user_metadata", Status::None, "no lookup succeeds"),
    ("fastly_cache", "replace_insert", Status::Unsupported, "no core cache"),
    ("fastly_cache", "transaction_cancel", Status::Badf, "no lookup succeeds"),
    ("fastly_cache", "transaction_insert", Status::Unsupported, "no core cache"),
    ("fastly_cache", "transaction_insert_and_stream_back", Status::Unsupported, "no core cache"),
    ("fastly_cache", "transaction_lookup", Status::Unsupported, "no core cache"),
    ("fastly_cache", "transaction_lookup_async", Status::Unsupported, "no core cache"),
    ("fastly_cache", "transaction_update", Status::Unsupported, "no core cache"),
    ("fastly_device_detection", "lookup", Status::None, "as an unknown device"),
    ("fastly_erl", "check_rate", Status::Unsupported, "no rate counters"),
    ("fastly_erl", "penaltybox_add", Status::Unsupported, "no penalty boxes"),
    ("fastly_erl", "penaltybox_has", Status::Unsupported, "no penalty boxes"),
    ("fastly_erl", "ratecounter_increment", Status::Unsupported, "no rate counters"),
    ("fastly_erl", "ratecounter_lookup_count", Status::Unsupported, "no rate counters"),
    ("fastly_erl", "ratecounter_lookup_rate", Status::Unsupported, "no rate counters"),
    ("fastly_http_cache", "close", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_cache", "get_age_ns", Status::None, "no lookup succeeds"),
    ("fastly_http_cache", "get_found_response", Status::None, "no lookup succeeds"),
    ("fastly_http_cache", "get_hits", Status::None, "no lookup succeeds"),
    ("fastly_http_cache", "get_length", Status::None, "no lookup succeeds"),
    ("fastly_http_cache", "get_max_age_ns", Status::None, "no lookup succeeds"),
    ("fastly_http_cache", "get_sensitive_data", Status::None, "no lookup succeeds"),
    ("fastly_http_cache", "get_stale_if_error_ns", Status::None, "no lookup succeeds"),
    ("fastly_http_cache", "get_stale_while_revalidate_ns", Status::None, "no lookup succeeds"),
    ("fastly_http_cache", "get_state", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_cache", "get_suggested_backend_request", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_cache", "get_suggested_cache_key", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_cache", "get_suggested_cache_options", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_cache", "get_surrogate_keys", Status::None, "no lookup succeeds"),
    ("fastly_http_cache", "get_vary_rule", Status::None, "no lookup succeeds"),
    ("fastly_http_cache", "is_request_cacheable", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_cache", "lookup", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_cache", "prepare_response_for_storage", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_cache", "transaction_abandon", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_cache", "transaction_choose_stale", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_cache", "transaction_insert", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_cache", "transaction_insert_and_stream_back", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_cache", "transaction_lookup", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_cache", "transaction_record_not_cacheable", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_cache", "transaction_update", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_cache", "transaction_update_and_return_fresh", Status::Unsupported, "SDKs send through the host instead"),
    ("fastly_http_downstream", "downstream_client_oh_fingerprint", Status::None, "no fingerprints"),
    ("fastly_http_downstream", "downstream_visits_this_pop", Status::Unsupported, "no counting of visits"),
    ("fastly_http_downstream", "downstream_visits_this_service", Status::Unsupported, "no counting of visits"),
    ("fastly_http_req", "downstream_client_oh_fingerprint", Status::None, "no fingerprints"),
    ("fastly_image_optimizer", "transform_image_optimizer_request", Status::Unsupported, "no image optimizer"),
    ("fastly_kv_store", "delete", Status::Badf, "no store can be opened"),
    ("fastly_kv_store", "delete_wait", Status::Badf, "no store can be opened"),
    ("fastly_kv_store", "insert", Status::Badf, "no store can be opened"),
    ("fastly_kv_store", "insert_wait", Status::Badf, "no store can be opened"),
    ("fastly_kv_store", "list", Status::Badf, "no store can be opened"),
    ("fastly_kv_store", "list_wait", Status::Badf, "no store can be opened"),
    ("fastly_kv_store", "lookup", Status::Badf, "no store can be opened"),
    ("fastly_kv_store", "lookup_wait", Status::Badf, "no store can be opened"),
    ("fastly_kv_store", "lookup_wait_v2", Status::Badf, "no store can be opened"),
    ("fastly_kv_store", "open", Status::Inval, "as an unknown store"),
    ("fastly_object_store", "delete_async", Status::Badf, "no store can be opened"),
    ("fastly_object_store", "insert", Status::Badf, "no store can be opened"),
    ("fastly_object_store", "insert_async", Status::Badf, "no store can be opened"),
    ("fastly_object_store", "lookup", Status::Badf, "no store can be opened"),
    ("fastly_object_store", "lookup_async", Status::Badf, "no store can be opened"),
    ("fastly_object_store", "open", Status::Inval, "as an unknown store"),
    ("fastly_object_store", "pending_delete_wait", Status::Badf, "no store can be opened"),
    ("fastly_object_store", "pending_insert_wait", Status::Badf, "no store can be opened"),
    ("fastly_object_store", "pending_lookup_wait", Status::Badf, "no store can be opened"),
    ("fastly_purge", "purge_surrogate_key", Status::Unsupported, "there is no cache to purge"),
    ("fastly_secret_store", "from_bytes", Status::Unsupported, "no secrets"),
    ("fastly_secret_store", "get", Status::Badf, "no store can be opened"),
    ("fastly_secret_store", "open", Status::None, "as an unknown store"),
    ("fastly_secret_store", "plaintext", Status::Badf, "no store can be opened"),
];

fn row(
    module: &str,
    name: &str,
) -> Option<&'static (&'static str, &'static str, Status, &'static str)> {
    TABLE.iter().find(|row| row.0 == module && row.1 == name)
}

/// The functions that were asked for and warned about; one line a name.
#[derive(Debug, Default)]
pub(crate) struct Warned(Mutex<HashSet<(&'static str, &'static str)>>);

impl Warned {
    /// Says once that a function is not for programs like this one.
    pub(super) fn privileged(&self, module: &'static str, name: &'static str) {
        if self.0.lock().insert((module, name)) {
            tracing::warn!(
                "{module}::{name} is privileged: the platform lets only its own services call \
                 it, so the guest is told {:?}",
                Status::Unsupported
            );
        }
    }

    /// Says once that a feature is off, and how to have it.
    pub(super) fn switched_off(&self, feature: &'static str, why: &str) {
        if self.0.lock().insert(("", feature)) {
            tracing::warn!(
                "{feature}: {why}; the guest is told {:?}",
                Status::Unsupported
            );
        }
    }

    /// Says once that something of a guest is dropped, as it may be.
    pub(super) fn dropped(&self, what: &'static str, why: &str) {
        if self.0.lock().insert(("", what)) {
            tracing::warn!("{what} are dropped: {why}");
        }
    }

    fn once(&self, row: &'static (&'static str, &'static str, Status, &'static str)) {
        let (module, name, status, why) = *row;
        if !self.0.lock().insert((module, name)) {
            return;
        }
        if is_routine(module, name) {
            tracing::info!(
                "{module}::{name} is not available yet: the guest is told {status:?} ({why})"
            );
        } else {
            tracing::warn!(
                "{module}::{name} is not available yet: the guest is told {status:?} ({why})"
            );
        }
    }
}

/// True for what SDKs ask by themselves in almost every program: what they are
/// told is plain "not known" or "send it yourself", and no user asked for more.
fn is_routine(module: &str, name: &str) -> bool {
    match module {
        "fastly_http_cache" => name == "is_request_cacheable",
        "fastly_http_downstream" | "fastly_http_req" => {
            name.starts_with("downstream_") || name == "fastly_key_is_valid"
        }
        _ => false,
    }
}

impl Sandbox {
    /// What a function of the table answers: an error with its status, or
    /// nothing where the answer is a plain "no".
    pub(super) fn unavailable(&self, module: &str, name: &str) -> Result<(), HostError> {
        match row(module, name) {
            Some(row) => {
                self.session.world.warned.once(row);
                match row.2 {
                    Status::Ok => Ok(()),
                    status => Err(status.into()),
                }
            }
            None => Err(Status::Unsupported.into()),
        }
    }
}

/// Links the modules of which nothing is available yet.
pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    for function in FUNCTIONS.iter().filter(|f| is_wholly_unavailable(f.module)) {
        let Some(row) = row(function.module, function.name) else {
            wasmtime::bail!(
                "{}::{} is neither linked nor in the table",
                function.module,
                function.name
            );
        };
        let ty = FuncType::new(
            linker.engine(),
            function.params.iter().map(val),
            function.results.iter().map(val),
        );
        linker.func_new(
            function.module,
            function.name,
            ty,
            move |caller, _, results| {
                caller.data().session.world.warned.once(row);
                if let Some(result) = results.first_mut() {
                    *result = Val::I32(row.2 as i32);
                }
                Ok(())
            },
        )?;
    }
    Ok(())
}

fn is_wholly_unavailable(module: &str) -> bool {
    let mut functions = FUNCTIONS.iter().filter(|f| f.module == module);
    functions.all(|f| row(f.module, f.name).is_some())
}

fn val(ty: &WasmType) -> ValType {
    match ty {
        WasmType::I32 => ValType::I32,
        WasmType::I64 => ValType::I64,
        WasmType::F32 => ValType::F32,
        WasmType::F64 => ValType::F64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_names_a_function_of_the_abi_once() {
        for (index, row) in TABLE.iter().enumerate() {
            assert!(
                FUNCTIONS
                    .iter()
                    .any(|f| f.module == row.0 && f.name == row.1),
                "{}::{}",
                row.0,
                row.1
            );
            assert!(
                !TABLE[..index]
                    .iter()
                    .any(|other| (other.0, other.1) == (row.0, row.1)),
                "{}::{} twice",
                row.0,
                row.1
            );
        }
    }
}
