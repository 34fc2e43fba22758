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
    ("fastly_http_downstream", "downstream_bot_analyzed", Status::Ok, "0: not analyzed"),
    ("fastly_http_downstream", "downstream_bot_category", Status::None, "no bot detection"),
    ("fastly_http_downstream", "downstream_bot_category_kind", Status::None, "no bot detection"),
    ("fastly_http_downstream", "downstream_bot_detected", Status::Ok, "0: none detected"),
    ("fastly_http_downstream", "downstream_bot_name", Status::None, "no bot detection"),
    ("fastly_http_downstream", "downstream_bot_verified", Status::None, "no bot detection"),
    ("fastly_http_downstream", "downstream_client_ddos_detected", Status::None, "no DDoS detection"),
    ("fastly_http_downstream", "downstream_client_h2_fingerprint", Status::None, "no HTTP/2 listener"),
    ("fastly_http_downstream", "downstream_client_oh_fingerprint", Status::None, "no fingerprints"),
    ("fastly_http_downstream", "downstream_resvpnproxy_is_anonymous", Status::None, "no proxy detection"),
    ("fastly_http_downstream", "downstream_resvpnproxy_is_anonymous_vpn", Status::None, "no proxy detection"),
    ("fastly_http_downstream", "downstream_resvpnproxy_is_hosting_provider", Status::None, "no proxy detection"),
    ("fastly_http_downstream", "downstream_resvpnproxy_is_proxy_over_vpn", Status::None, "no proxy detection"),
    ("fastly_http_downstream", "downstream_resvpnproxy_is_public_proxy", Status::None, "no proxy detection"),
    ("fastly_http_downstream", "downstream_resvpnproxy_is_relay_proxy", Status::None, "no proxy detection"),
    ("fastly_http_downstream", "downstream_resvpnproxy_is_residential_proxy", Status::None, "no proxy detection"),
    ("fastly_http_downstream", "downstream_resvpnproxy_is_smart_dns_proxy", Status::None, "no proxy detection"),
    ("fastly_http_downstream", "downstream_resvpnproxy_is_tor_exit_node", Status::None, "no proxy detection"),
    ("fastly_http_downstream", "downstream_resvpnproxy_is_vpn_datacenter", Status::None, "no proxy detection"),
    ("fastly_http_downstream", "downstream_resvpnproxy_vpn_service_name", Status::None, "no proxy detection"),
    ("fastly_http_downstream", "downstream_tls_cipher_openssl_name", Status::None, "no TLS listener"),
    ("fastly_http_downstream", "downstream_tls_client_cert_verify_result", Status::None, "no TLS listener"),
    ("fastly_http_downstream", "downstream_tls_client_hello", Status::None, "no TLS listener"),
    ("fastly_http_downstream", "downstream_tls_client_servername", Status::None, "no TLS listener"),
    ("fastly_http_downstream", "downstream_tls_ja3_md5", Status::None, "no TLS listener"),
    ("fastly_http_downstream", "downstream_tls_ja4", Status::None, "no TLS listener"),
    ("fastly_http_downstream", "downstream_tls_protocol", Status::None, "no TLS listener"),
    ("fastly_http_downstream", "downstream_tls_raw_client_certificate", Status::None, "no TLS listener"),
    ("fastly_http_downstream", "downstream_visits_this_pop", Status::Unsupported, "no counting of visits"),
    ("fastly_http_downstream", "downstream_visits_this_service", Status::Unsupported, "no counting of visits"),
    ("fastly_http_downstream", "fastly_key_is_valid", Status::Ok, "0: no key is valid"),
    ("fastly_http_downstream", "next_request", Status::Unsupported, "a sandbox serves one request"),
    ("fastly_http_downstream", "next_request_abandon", Status::Badf, "a sandbox serves one request"),
    ("fastly_http_downstream", "next_request_wait", Status::Badf, "a sandbox serves one request"),
    ("fastly_http_req", "downstream_client_ddos_detected", Status::None, "no DDoS detection"),
    ("fastly_http_req", "downstream_client_h2_fingerprint", Status::None, "no HTTP/2 listener"),
    ("fastly_http_req", "downstream_client_oh_fingerprint", Status::None, "no fingerprints"),
    ("fastly_http_req", "downstream_tls_cipher_openssl_name", Status::None, "no TLS listener"),
    ("fastly_http_req", "downstream_tls_client_cert_verify_result", Status::None, "no TLS listener"),
    ("fastly_http_req", "downstream_tls_client_hello", Status::None, "no TLS listener"),
    ("fastly_http_req", "downstream_tls_ja3_md5", Status::None, "no TLS listener"),
    ("fastly_http_req", "downstream_tls_ja4", Status::None, "no TLS listener"),
    ("fastly_http_req", "downstream_tls_protocol", Status::None, "no TLS listener"),
    ("fastly_http_req", "downstream_tls_raw_client_certificate", Status::None, "no TLS listener"),
    ("fastly_http_req", "fastly_key_is_valid", Status::Ok, "0: no key is valid"),
    ("fastly_http_req", "inspect", Status::Unsupported, "no NGWAF inspection"),
    ("fastly_http_req", "on_behalf_of", Status::Unsupported, "privileged on the platform too"),
    ("fastly_http_req", "redirect_to_grip_proxy", Status::Unsupported, "no Fanout"),
    ("fastly_http_req", "redirect_to_grip_proxy_v2", Status::Unsupported, "no Fanout"),
    ("fastly_http_req", "redirect_to_websocket_proxy", Status::Unsupported, "no WebSocket pass-through"),
    ("fastly_http_req", "redirect_to_websocket_proxy_v2", Status::Unsupported, "no WebSocket pass-through"),
    ("fastly_http_req", "register_dynamic_backend", Status::Unsupported, "as a service without dynamic backends"),
    ("fastly_http_req", "upgrade_websocket", Status::Unsupported, "privileged on the platform too"),
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
    ("fastly_shielding", "backend_for_shield", Status::Inval, "as an unknown shield"),
    ("fastly_shielding", "shield_info", Status::Inval, "as an unknown shield"),
];

fn row(
    module: &str,
    name: &str,
) -> Option<&'static (&'static str, &'static str, Status, &'static str)> {
    TABLE.iter().find(|row| row.0 == module && row.1 == name)
}

/// The status of a function in the table.
#[cfg(test)]
pub(super) fn answer(module: &str, name: &str) -> Status {
    row(module, name).map_or(Status::Ok, |row| row.2)
}

/// The functions that were asked for and warned about; one line a name.
#[derive(Debug, Default)]
pub(crate) struct Warned(Mutex<HashSet<(&'static str, &'static str)>>);

impl Warned {
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
