//! What a guest can ask about its client's connection.

mod facts;
mod next_request;

use fastlike_runtime::ConnInfo;

use crate::harness::{Answer, Test, get};

#[tokio::test]
async fn a_guest_knows_its_clients_address_and_what_is_not_known_is_absent() {
    let service = Test::guest("http_downstream_metadata").start().await;
    let answer = service.get("/").await;
    let id = service.seen.report().await.request_id;
    let expected = format!(
        "\
client_ip: Some(192.0.2.7)
server_ip: Some(198.51.100.1)
request_id: Some({id:?})
fastly_key_is_valid: false
h2_fingerprint: None
oh_fingerprint: None
ddos_detected: None
compliance_region: Some(None)
tls_protocol: None
tls_cipher: None
tls_servername: None
tls_client_hello: None
tls_ja3: None
tls_ja4: None
tls_client_certificate: None
tls_certificate_verified: None
bot_analyzed: false
bot_detected: false
bot_name: None
bot_category: None
bot_verified: None
vpn_proxy: None
"
    );
    assert_eq!(answer.ok(), expected);
}

#[tokio::test]
async fn a_request_from_nowhere_has_no_addresses() {
    let service = Test::guest("http_downstream_metadata").start().await;
    let response = service
        .fastlike
        .handle(get("/"), &ConnInfo::default())
        .await;
    let answer = Answer::of(response).await;
    assert_eq!(
        (answer.line("client_ip"), answer.line("server_ip")),
        ("None", "None")
    );
}

#[tokio::test]
async fn an_ipv4_client_of_an_ipv6_socket_has_an_ipv4_address() {
    let service = Test::guest("http_downstream_metadata").start().await;
    for (peer, shown) in [
        ("[::ffff:192.0.2.9]:1", "Some(192.0.2.9)"),
        ("[2001:db8::9]:1", "Some(2001:db8::9)"),
    ] {
        let conn = ConnInfo::new(peer.parse().expect("an address"), None);
        let answer = Answer::of(service.fastlike.handle(get("/"), &conn).await).await;
        assert_eq!(answer.line("client_ip"), shown);
    }
}

#[tokio::test]
async fn over_a_socket_the_addresses_are_the_connections() {
    let service = Test::guest("http_downstream_metadata").start().await;
    let answer = service
        .serve()
        .await
        .exchange("GET / HTTP/1.0\r\n\r\n")
        .await;
    assert!(
        answer.contains("client_ip: Some(127.0.0.1)\nserver_ip: Some(127.0.0.1)\n"),
        "{answer}"
    );
}
