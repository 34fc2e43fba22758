//! What a guest can ask about its client's connection. Answers with lines of `name: value`; what
//! the host can't know must be absent, not an error.

use fastly::{Error, Request, Response};
use std::fmt::Debug;

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let lines = [
        line("client_ip", request.get_client_ip_addr()),
        line("server_ip", request.get_server_ip_addr()),
        line("request_id", request.get_client_request_id()),
        line("fastly_key_is_valid", request.fastly_key_is_valid()),
        line("h2_fingerprint", request.get_client_h2_fingerprint()),
        line("oh_fingerprint", request.get_client_oh_fingerprint()),
        line("ddos_detected", request.get_client_ddos_detected()),
        line("compliance_region", request.get_compliance_region()),
        line("tls_protocol", request.get_tls_protocol()?),
        line("tls_cipher", request.get_tls_cipher_openssl_name()?),
        line("tls_servername", request.get_tls_client_servername()),
        line("tls_client_hello", request.get_tls_client_hello()),
        line("tls_ja3", request.get_tls_ja3_md5()),
        line("tls_ja4", request.get_tls_ja4()),
        line(
            "tls_client_certificate",
            request.get_tls_raw_client_certificate()?,
        ),
        line(
            "tls_certificate_verified",
            request.get_tls_client_cert_verify_result(),
        ),
        line("bot_analyzed", request.get_bot_analyzed()),
        line("bot_detected", request.get_bot_detected()),
        line("bot_name", request.get_bot_name()?),
        line("bot_category", request.get_bot_category()?),
        line("bot_verified", request.get_bot_verified()),
        line("vpn_proxy", request.get_vpn_proxy_is_anonymous()),
    ];
    Ok(Response::from_body(lines.concat()))
}

fn line(name: &str, value: impl Debug) -> String {
    format!("{name}: {value:?}\n")
}
