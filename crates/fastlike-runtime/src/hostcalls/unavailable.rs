//! Functions that are not available yet, and what each answers.
//!
//! The statuses are those that the SDKs take as "not there" without a panic.
//! Nothing in this table answers OK for work that it does not do: the three
//! `Ok` rows are plain "no" answers, for which the ABI has no other form.

use std::collections::HashSet;

use fastlike_abi::types::FastlyStatus as Status;
use fastlike_abi::{FUNCTIONS, WasmType};
use parking_lot::Mutex;
use wasmtime::{FuncType, Linker, Val, ValType};

use crate::sandbox::Sandbox;

/// Module, function, answer, why.
#[rustfmt::skip]
const TABLE: &[(&str, &str, Status, &str)] = &[
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
    ("fastly_image_optimizer", "transform_image_optimizer_request", Status::Unsupported, "no image optimizer"),
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
/// told is plain "send it yourself", and no user asked for more.
fn is_routine(module: &str, name: &str) -> bool {
    module == "fastly_http_cache" && name == "is_request_cacheable"
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
