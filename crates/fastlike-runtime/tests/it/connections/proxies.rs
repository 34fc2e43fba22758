//! Clients behind proxies that are trusted, and those that only say so.

use fastlike_runtime::{BotSignals, ClientSignals, ServeOptions, TlsListener};
use http::header::HeaderName;

use crate::harness::tls::{Client, identity};
use crate::harness::{Answer, Running, Test, client, get, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn metadata() -> Running {
    Test::guest("http_downstream_metadata").start().await
}

fn trusting(networks: &[&str]) -> ServeOptions {
    let networks = networks.iter().map(|text| text.parse().expect("a network"));
    ServeOptions::new().trusted_peers(networks)
}

const LOCAL: &[&str] = &["127.0.0.0/8"];

#[tokio::test]
async fn the_proxy_protocol_says_whose_connection_it_is() {
    let service = metadata().await;
    let options = trusting(LOCAL).proxy_protocol(true);
    let server = service.serve_with(options).await;
    let request = "GET / HTTP/1.0\r\n\r\n";
    let first = format!("PROXY TCP4 192.0.2.1 198.51.100.1 51234 443\r\n{request}");
    let answer = server.exchange(&first).await;
    assert!(
        answer.contains("client_ip: Some(192.0.2.1)\nserver_ip: Some(198.51.100.1)\n"),
        "{answer}"
    );
    let mut second = server.connect().await;
    let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x02\xc6\x33\x64\x01\0\x50\0\x51";
    for piece in header.chunks(5) {
        second.write(piece).await;
    }
    second.write(request).await;
    let answer = second.read_to_end().await;
    assert!(answer.contains("client_ip: Some(192.0.2.2)\n"), "{answer}");
    let own = server
        .exchange(&format!("PROXY UNKNOWN\r\n{request}"))
        .await;
    assert!(own.contains("client_ip: Some(127.0.0.1)\n"), "{own}");
    assert_eq!(server.exchange(request).await, "", "the header is missing");
}

#[tokio::test]
async fn the_proxy_protocol_of_a_peer_that_is_not_trusted_is_no_http() {
    let service = metadata().await;
    let options = trusting(&["10.0.0.0/8"]).proxy_protocol(true);
    let server = service.serve_with(options).await;
    let answer = server
        .exchange("PROXY TCP4 192.0.2.1 198.51.100.1 51234 443\r\nGET / HTTP/1.0\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let answer = server.exchange("GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.contains("client_ip: Some(127.0.0.1)\n"), "{answer}");
}

#[tokio::test]
async fn who_is_behind_a_proxy_without_an_address_is_not_believed_as_the_proxy_is() {
    let service = metadata().await;
    let options = trusting(LOCAL).proxy_protocol(true);
    let server = service.serve_with(options).await;
    let request = "GET / HTTP/1.0\r\nx-fastly-ddos-detected: 1\r\n\r\n";
    for (header, told) in [
        ("PROXY UNKNOWN", "None"),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2", "None"),
        ("PROXY TCP4 127.0.0.9 192.0.2.2 1 2", "Some(true)"),
    ] {
        let answer = server.exchange(&format!("{header}\r\n{request}")).await;
        let line = format!("ddos_detected: {told}\n");
        assert!(answer.contains(&line), "{header}: {answer}");
    }
}

#[tokio::test]
async fn a_proxy_header_that_does_not_end_is_not_waited_for() {
    let test = Test::guest("hello");
    let short = std::time::Duration::from_millis(500);
    let service = test
        .limits(|limits| limits.handshake_timeout = short)
        .start()
        .await;
    let server = service
        .serve_with(trusting(LOCAL).proxy_protocol(true))
        .await;
    let mut wire = server.connect().await;
    wire.write("PROXY TCP4 192.0").await;
    assert_eq!(wire.read_to_end().await, "");
}

#[tokio::test]
async fn the_proxy_protocol_comes_before_tls() {
    let identity = identity();
    let tls = TlsListener::from_pem(identity.certificate.as_str(), identity.key.as_str());
    let options = trusting(LOCAL)
        .proxy_protocol(true)
        .tls(tls.expect("valid"));
    let server = metadata().await.serve_with(options).await;
    let mut stream = TcpStream::connect(server.address).await.expect("listening");
    let header = b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n";
    stream.write_all(header).await.expect("sent");
    let mut stream = Client::default().over(stream).await.expect("a handshake");
    stream
        .write_all(b"GET / HTTP/1.0\r\n\r\n")
        .await
        .expect("sent");
    let mut answer = String::new();
    drop(soon("an answer", stream.read_to_string(&mut answer)).await);
    assert!(
        answer.contains("client_ip: Some(2001:db8::1)\n"),
        "{answer}"
    );
    assert!(
        answer.contains("tls_client_hello: Some([1, 0, "),
        "{answer}"
    );
}

#[tokio::test]
async fn a_header_of_a_trusted_peer_names_the_client() {
    let service = metadata().await;
    let name = HeaderName::from_static("x-forwarded-for");
    let request = "GET / HTTP/1.0\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.1, 127.0.0.9\r\n\r\n";
    let options = trusting(LOCAL).client_ip_header(name.clone());
    let answer = service.serve_with(options).await.exchange(request).await;
    assert!(answer.contains("client_ip: Some(192.0.2.1)\n"), "{answer}");
    let options = trusting(&["10.0.0.0/8"]).client_ip_header(name);
    let answer = service.serve_with(options).await.exchange(request).await;
    assert!(answer.contains("client_ip: Some(127.0.0.1)\n"), "{answer}");
}

const BOT: &str = "GET / HTTP/1.0\r\nX-Fastly-Bot-Analyzed: true\r\nX-Fastly-Bot-Detected: true\r\n\
    X-Fastly-Bot-Name: BadBot\r\nX-Fastly-Bot-Category: ai-crawler\r\nX-Fastly-Bot-Verified: false\r\n\
    X-Fastly-Resvpnproxy-Is-Tor-Exit-Node: 1\r\nX-Fastly-Ddos-Detected: 1\r\n\r\n";

#[tokio::test]
async fn signals_are_believed_from_trusted_peers_only() {
    let service = metadata().await;
    let answer = service
        .serve_with(trusting(LOCAL))
        .await
        .exchange(BOT)
        .await;
    let expected = "bot_analyzed: true\nbot_detected: true\nbot_name: Some(\"BadBot\")\n\
        bot_category: Some(\"ai-crawler\")\nbot_verified: Some(false)\nvpn_proxy: Some(true)\n";
    assert!(answer.contains(expected), "{answer}");
    assert!(answer.contains("ddos_detected: Some(true)\n"), "{answer}");
    let answer = service.serve().await.exchange(BOT).await;
    assert!(answer.contains("bot_analyzed: false\n"), "{answer}");
    assert!(answer.contains("ddos_detected: None\n"), "{answer}");
}

#[tokio::test]
async fn what_a_client_says_of_itself_does_not_reach_the_guest() {
    let service = Test::guest("http_req_reading").start().await;
    let answer = service.serve().await.exchange(BOT).await;
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    let seen: serde_json::Value = serde_json::from_str(body).expect("JSON");
    let names: Vec<_> = seen["headers"]
        .as_object()
        .expect("headers")
        .keys()
        .collect();
    assert!(
        !names.iter().any(|name| name.starts_with("x-fastly-")),
        "{names:?}"
    );
}

#[tokio::test]
async fn signals_are_configured_by_a_closure_over_the_request() {
    let test = Test::guest("http_downstream_metadata").with(|builder| {
        builder
            .compliance_region("eu")
            .client_signals(|request, conn| {
                let mut signals = ClientSignals::default();
                if request.uri.path() == "/bot" && conn.peer.is_some() {
                    signals.bot = Some(BotSignals::of_category("headless"));
                }
                signals
            })
    });
    let service = test.start().await;
    let answer = service.get("/bot").await;
    assert_eq!(answer.line("bot_category"), "Some(\"headless\")");
    assert_eq!(answer.line("bot_detected"), "true");
    assert_eq!(answer.line("compliance_region"), "Some(EU)");
    assert_eq!(service.get("/").await.line("bot_analyzed"), "false");
}

#[tokio::test]
async fn a_key_is_valid_if_it_is_one_of_the_services() {
    let test = Test::guest("http_downstream_metadata");
    let test = test.with(|builder| builder.valid_fastly_keys(["secret"]));
    let service = test.start().await;
    for (key, valid) in [("secret", "true"), ("wrong", "false")] {
        let mut request = get("/");
        request
            .headers_mut()
            .insert("fastly-key", key.parse().expect("a value"));
        let response = service.fastlike.handle(request, &client()).await;
        assert_eq!(
            Answer::of(response).await.line("fastly_key_is_valid"),
            valid
        );
    }
}
