//! Facts of a client that were configured, or told by a peer that is trusted,
//! also as old programs ask for them.

use fastlike_runtime::{ClientVerified, ConnInfo, TlsFacts};
use http::{Request, Response};

use crate::harness::{Answer, Test, client, get, script};

/// A first message of TLS 1.2, one cipher suite, no extensions.
fn hello() -> Vec<u8> {
    let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0xc0, 0x2b, 1, 0]].concat();
    let length = u8::try_from(body.len()).expect("short");
    [&[1, 0, 0, length][..], &body].concat()
}

fn over_tls() -> ConnInfo {
    let mut facts = TlsFacts::default();
    facts.protocol = Some("TLSv1.2".to_owned());
    facts.cipher = Some("ECDHE-ECDSA-AES128-GCM-SHA256".to_owned());
    facts.server_name = Some("a.example".to_owned());
    facts.client_hello = Some(hello());
    facts.client_certificate = Some(b"der".to_vec());
    facts.client_verified = ClientVerified::Expired;
    client().with_tls_facts(facts)
}

async fn asked(lines: &str, conn: &ConnInfo) -> u16 {
    let service = Test::wat(script(lines)).start().await;
    let response = service.fastlike.handle(get("/"), conn).await;
    let answer = Answer::of(response).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.status.as_u16()
}

#[tokio::test]
async fn both_forms_of_the_getters_answer_the_same() {
    let lines = "\
http_req.body_downstream_get 0 4
http_downstream.downstream_tls_protocol *0 100 64 8
@8 == 7
@100 == 'TLSv1.2'
http_req.downstream_tls_protocol 200 64 8
@200 == 'TLSv1.2'
http_downstream.downstream_tls_cipher_openssl_name *0 100 64 8
@100 == 'ECDHE-ECDSA-AES128-GCM-SHA256'
http_req.downstream_tls_cipher_openssl_name 200 64 8
@200 == 'ECDHE-ECDSA-AES128-GCM-SHA256'
http_downstream.downstream_tls_client_servername *0 100 64 8
@100 == 'a.example'
http_downstream.downstream_tls_client_hello *0 100 64 8
@8 == 45
http_req.downstream_tls_client_hello 200 64 8
@8 == 45
http_downstream.downstream_tls_ja4 *0 100 64 8
@8 == 36
@100 == 't12i010000_'
http_req.downstream_tls_ja4 200 64 8
@200 == 't12i010000_'
http_downstream.downstream_tls_ja3_md5 *0 100 8
@8 == 16
http_req.downstream_tls_ja3_md5 200 8
@8 == 16
http_downstream.downstream_tls_raw_client_certificate *0 100 99 8
@100 == '-----BEGIN CERTIFICATE-----'
http_req.downstream_tls_raw_client_certificate 200 99 8
@200 == '-----BEGIN CERTIFICATE-----'
http_downstream.downstream_tls_client_cert_verify_result *0 8
@8 == 3                                                          ; expired
http_req.downstream_tls_client_cert_verify_result 8
@8 == 3";
    assert_eq!(asked(lines, &over_tls()).await, 200);
}

#[tokio::test]
async fn a_buffer_that_is_too_small_is_told_how_large_it_must_be() {
    let lines = "\
http_req.body_downstream_get 0 4
4: http_downstream.downstream_tls_protocol *0 100 6 8
@8 == 7
4: http_req.downstream_tls_client_hello 0 0 8
@8 == 45
@100 == 0";
    assert_eq!(asked(lines, &over_tls()).await, 200);
}

#[tokio::test]
async fn without_tls_all_of_it_is_absent() {
    let lines = "\
http_req.body_downstream_get 0 4
10: http_downstream.downstream_tls_protocol *0 100 64 8
10: http_req.downstream_tls_protocol 100 64 8
10: http_req.downstream_tls_cipher_openssl_name 100 64 8
10: http_req.downstream_tls_client_hello 100 64 8
10: http_req.downstream_tls_ja3_md5 100 8
10: http_req.downstream_tls_ja4 100 64 8
10: http_req.downstream_tls_raw_client_certificate 100 64 8
10: http_req.downstream_tls_client_cert_verify_result 8
10: http_downstream.downstream_tls_client_servername *0 100 64 8
10: http_downstream.downstream_client_h2_fingerprint *0 100 64 8
10: http_req.downstream_client_h2_fingerprint 100 64 8
10: http_downstream.downstream_client_oh_fingerprint *0 100 64 8
10: http_req.downstream_client_oh_fingerprint 100 64 8
10: http_req.downstream_client_ddos_detected 8
http_downstream.fastly_key_is_valid *0 8
@8 == 0
http_req.fastly_key_is_valid 8
@8 == 0
http_req.new 0
1: http_downstream.downstream_tls_protocol *0 100 64 8           ; not a client's
1: http_downstream.downstream_bot_analyzed *0 8";
    assert_eq!(asked(lines, &client()).await, 200);
}

#[tokio::test]
async fn a_key_is_forgotten_with_its_request() {
    let lines = "\
http_req.body_downstream_get 0 4
http_downstream.fastly_key_is_valid *0 8
@8 == 1
http_req.close *0
3: http_downstream.fastly_key_is_valid *0 8";
    let test = Test::wat(script(lines)).with(|builder| builder.valid_fastly_keys(["secret"]));
    let request = Request::get("/").header("fastly-key", "secret");
    let answer = test.send(request.body("").expect("valid")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

const TOLD: [(&str, &str); 8] = [
    ("x-fastly-bot-analyzed", "true"),
    ("x-fastly-bot-category", "13"),
    ("x-fastly-resvpnproxy-is-vpn-datacenter", "true"),
    ("x-fastly-resvpnproxy-is-relay-proxy", "1"),
    ("x-fastly-resvpnproxy-is-tor-exit-node", "0"),
    ("x-fastly-resvpnproxy-vpn-service-name", "Hide & Co"),
    ("x-fastly-ddos-detected", "false"),
    ("accept", "*/*"),
];

async fn signals(conn: &ConnInfo) -> Answer {
    let service = Test::guest("http_downstream_signals").start().await;
    let mut request = get("/");
    for (name, value) in TOLD {
        let value = value.parse().expect("a value");
        request.headers_mut().insert(name, value);
    }
    let response: Response<_> = service.fastlike.handle(request, conn).await;
    Answer::of(response).await
}

#[tokio::test]
async fn a_trusted_peer_tells_all_that_is_known() {
    let answer = signals(&client().with_trust()).await;
    assert_eq!(answer.line("bot_category_kind"), "Some(SecurityTools)");
    assert_eq!(answer.line("bot_verified"), "None");
    assert_eq!(answer.line("ddos_detected"), "Some(false)");
    // Of one kind is of any.
    assert_eq!(answer.line("is_anonymous"), "true");
    for (name, value) in [
        ("is_anonymous_vpn", "false"),
        ("is_hosting_provider", "false"),
        ("is_proxy_over_vpn", "false"),
        ("is_public_proxy", "false"),
        ("is_relay_proxy", "true"),
        ("is_residential_proxy", "false"),
        ("is_smart_dns_proxy", "false"),
        ("is_tor_exit_node", "false"),
        ("is_vpn_datacenter", "true"),
        ("vpn_service_name", "Some(\"Hide & Co\")"),
    ] {
        assert_eq!(answer.line(name), value, "{name}");
    }
}

#[tokio::test]
async fn any_other_tells_nothing() {
    let answer = signals(&client()).await;
    assert_eq!(
        answer.ok(),
        "ddos_detected: None\nbot_category_kind: None\nbot_verified: None\n"
    );
}

#[tokio::test]
async fn the_fingerprint_of_headers_is_what_a_trusted_peer_tells() {
    let lines = "\
http_req.body_downstream_get 0 4
http_downstream.downstream_client_oh_fingerprint *0 100 64 8
@8 == 5
@100 == '0a:1b'
http_req.downstream_client_oh_fingerprint 200 64 8
@200 == '0a:1b'";
    let service = Test::wat(script(lines)).start().await;
    let mut request = get("/");
    let told = "0a:1b".parse().expect("a value");
    request
        .headers_mut()
        .insert("x-fastly-oh-fingerprint", told);
    let response = service
        .fastlike
        .handle(request, &client().with_trust())
        .await;
    let answer = Answer::of(response).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}
