//! The import names of old SDKs, each an alias of a function of today.
//!
//! SDKs before 0.9.0 import `env::xqd_*`; the signatures are the same.

use wasmtime::Linker;

use crate::sandbox::Sandbox;

/// Module and name as old guests import them, module and name as linked.
#[rustfmt::skip]
pub(crate) const LEGACY: &[(&str, &str, &str, &str)] = &[
    ("env", "xqd_body_append", "fastly_http_body", "append"),
    ("env", "xqd_body_close", "fastly_http_body", "close"),
    ("env", "xqd_body_close_downstream", "fastly_http_body", "close"),
    ("env", "xqd_body_new", "fastly_http_body", "new"),
    ("env", "xqd_body_read", "fastly_http_body", "read"),
    ("env", "xqd_body_write", "fastly_http_body", "write"),
    ("env", "xqd_init", "fastly_abi", "init"),
    ("env", "xqd_log_endpoint_get", "fastly_log", "endpoint_get"),
    ("env", "xqd_log_write", "fastly_log", "write"),
    ("env", "xqd_pending_req_poll", "fastly_http_req", "pending_req_poll"),
    ("env", "xqd_pending_req_select", "fastly_http_req", "pending_req_select"),
    ("env", "xqd_pending_req_wait", "fastly_http_req", "pending_req_wait"),
    ("env", "xqd_req_body_downstream_get", "fastly_http_req", "body_downstream_get"),
    ("env", "xqd_req_cache_override_set", "fastly_http_req", "cache_override_set"),
    ("env", "xqd_req_downstream_client_ip_addr", "fastly_http_req", "downstream_client_ip_addr"),
    ("env", "xqd_req_downstream_client_request_id", "fastly_http_req", "downstream_client_request_id"),
    ("env", "xqd_req_downstream_tls_cipher_openssl_name", "fastly_http_req", "downstream_tls_cipher_openssl_name"),
    ("env", "xqd_req_downstream_tls_client_hello", "fastly_http_req", "downstream_tls_client_hello"),
    ("env", "xqd_req_downstream_tls_protocol", "fastly_http_req", "downstream_tls_protocol"),
    ("env", "xqd_req_header_append", "fastly_http_req", "header_append"),
    ("env", "xqd_req_header_insert", "fastly_http_req", "header_insert"),
    ("env", "xqd_req_header_names_get", "fastly_http_req", "header_names_get"),
    ("env", "xqd_req_header_remove", "fastly_http_req", "header_remove"),
    ("env", "xqd_req_header_value_get", "fastly_http_req", "header_value_get"),
    ("env", "xqd_req_header_values_get", "fastly_http_req", "header_values_get"),
    ("env", "xqd_req_header_values_set", "fastly_http_req", "header_values_set"),
    ("env", "xqd_req_method_get", "fastly_http_req", "method_get"),
    ("env", "xqd_req_method_set", "fastly_http_req", "method_set"),
    ("env", "xqd_req_new", "fastly_http_req", "new"),
    ("env", "xqd_req_original_header_count", "fastly_http_req", "original_header_count"),
    ("env", "xqd_req_original_header_names_get", "fastly_http_req", "original_header_names_get"),
    ("env", "xqd_req_send", "fastly_http_req", "send"),
    ("env", "xqd_req_send_async", "fastly_http_req", "send_async"),
    ("env", "xqd_req_send_async_streaming", "fastly_http_req", "send_async_streaming"),
    ("env", "xqd_req_uri_get", "fastly_http_req", "uri_get"),
    ("env", "xqd_req_uri_set", "fastly_http_req", "uri_set"),
    ("env", "xqd_req_version_get", "fastly_http_req", "version_get"),
    ("env", "xqd_req_version_set", "fastly_http_req", "version_set"),
    ("env", "xqd_resp_header_append", "fastly_http_resp", "header_append"),
    ("env", "xqd_resp_header_insert", "fastly_http_resp", "header_insert"),
    ("env", "xqd_resp_header_names_get", "fastly_http_resp", "header_names_get"),
    ("env", "xqd_resp_header_remove", "fastly_http_resp", "header_remove"),
    ("env", "xqd_resp_header_value_get", "fastly_http_resp", "header_value_get"),
    ("env", "xqd_resp_header_values_get", "fastly_http_resp", "header_values_get"),
    ("env", "xqd_resp_header_values_set", "fastly_http_resp", "header_values_set"),
    ("env", "xqd_resp_new", "fastly_http_resp", "new"),
    ("env", "xqd_resp_send_downstream", "fastly_http_resp", "send_downstream"),
    ("env", "xqd_resp_status_get", "fastly_http_resp", "status_get"),
    ("env", "xqd_resp_status_set", "fastly_http_resp", "status_set"),
    ("env", "xqd_resp_version_get", "fastly_http_resp", "version_get"),
    ("env", "xqd_resp_version_set", "fastly_http_resp", "version_set"),
    ("env", "xqd_uap_parse", "fastly_uap", "parse"),
    ("fastly", "init", "fastly_abi", "init"),
];

/// Links every old name.
pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    for (module, name, as_module, as_name) in LEGACY {
        linker.alias(as_module, as_name, module, name)?;
    }
    Ok(())
}
