//! Fanout: requests that are handed off to a Pushpin, played by the test.

use fastlike_runtime::{Identity, StartError};
use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{Logs, Peer, Running, Test, answering, request, script, soon};

/// A service with Fanout, and its Pushpin.
async fn fanout() -> (Running, Peer) {
    let proxy = Peer::new().await;
    let address = proxy.address.to_string();
    let mut identity = Identity::default();
    identity.service_id = Some("fanout".to_owned());
    let service = Test::guest("http_req_fanout")
        .backend("self", answering(|_| Response::new("nobody asks it")))
        .with(|builder| builder.grip_proxy(address).identity(identity))
        .start()
        .await;
    (service, proxy)
}

#[tokio::test]
async fn a_request_goes_to_the_proxy_and_its_stream_comes_as_it_is_published() {
    let (service, proxy) = fanout().await;
    let server = service.serve().await;
    let mut client = server.connect().await;
    client
        .write("GET /stream?a=b HTTP/1.1\r\nHost: www.example\r\nPushpin-Route: other\r\nAccept: */*\r\n\r\n")
        .await;
    let (mut pushpin, head) = proxy.accept().await;
    let address = proxy.address;
    assert!(head.starts_with("get /stream?a=b http/1.1\r\n"), "{head}");
    for line in [
        "pushpin-route: self".to_owned(),
        format!("host: {address}"),
        "accept: */*".to_owned(),
        "cdn-loop: fastlike-fanout; id=\"fanout\"; pop=\"dev\"".to_owned(),
    ] {
        assert_eq!(
            head.matches(&format!("\r\n{line}\r\n")).count(),
            1,
            "{line}: {head}"
        );
    }
    let begin = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    pushpin.write_all(begin.as_bytes()).await.expect("sent");
    let answer = client.read_head().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(client.read_until("first\r\n").await, "5\r\nfirst\r\n");
    pushpin.write_all(b"6\r\nsecond\r\n").await.expect("sent");
    assert_eq!(client.read_until("second\r\n").await, "6\r\nsecond\r\n");
    // The guest ended long ago, and its sandbox is free.
    service.seen.report().await;
    pushpin.write_all(b"0\r\n\r\n").await.expect("sent");
    assert_eq!(client.read_until("\r\n\r\n").await, "0\r\n\r\n");

    client
        .write("GET /direct HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    client.read_until("not handed off").await;
}

#[tokio::test]
async fn the_clients_body_goes_along_though_the_sdk_has_closed_it() {
    let (service, proxy) = fanout().await;
    let asking =
        tokio::spawn(async move { service.send(request("POST", "/", "some content")).await });
    let (mut pushpin, head) = proxy.accept().await;
    assert!(head.contains("\r\ncontent-length: 12\r\n"), "{head}");
    let mut content = [0; 12];
    let read = soon("the content", pushpin.read_exact(&mut content)).await;
    read.expect("all of it");
    assert_eq!(&content, b"some content");
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone";
    pushpin.write_all(answer.as_bytes()).await.expect("sent");
    assert_eq!(asking.await.expect("no panic").ok(), "done");
}

#[tokio::test]
async fn a_websocket_goes_to_the_proxy_too() {
    let (service, proxy) = fanout().await;
    let server = service.serve().await;
    let mut client = server.connect().await;
    client
        .write(
            "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .await;
    let (mut pushpin, head) = proxy.accept().await;
    assert!(head.contains("\r\npushpin-route: self\r\n"), "{head}");
    assert!(head.contains("\r\nupgrade: websocket\r\n"), "{head}");
    let switching = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello";
    pushpin.write_all(switching.as_bytes()).await.expect("sent");
    assert!(client.read_head().await.starts_with("HTTP/1.1 101 "));
    assert_eq!(client.read(5).await, "hello");
    client.write("ping").await;
    let mut ping = [0; 4];
    let read = soon("a message", pushpin.read_exact(&mut ping)).await;
    read.expect("all of it");
    assert_eq!(&ping, b"ping");
}

#[tokio::test]
async fn a_client_that_leaves_a_held_request_ends_it() {
    let (service, proxy) = fanout().await;
    let server = service.serve().await;
    for head in ["", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"] {
        let mut client = server.connect().await;
        client.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let (mut pushpin, _) = proxy.accept().await;
        pushpin.write_all(head.as_bytes()).await.expect("sent");
        if !head.is_empty() {
            client.read_head().await;
        }
        drop(client);
        let left = soon("the end", pushpin.read(&mut [0; 1])).await;
        assert!(matches!(left, Ok(0) | Err(_)), "{left:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_a_gateway_error() {
    let (service, proxy) = fanout().await;
    drop(proxy);
    assert_eq!(service.get("/").await.status, 502);
}

#[tokio::test]
async fn without_a_proxy_there_is_no_fanout_and_the_log_says_how_to_have_it() {
    let logs = Logs::capture();
    let service = Test::guest("http_req_fanout")
        .backend("self", answering(|_| Response::new("")))
        .start()
        .await;
    for _ in 0..2 {
        let answer = service.get("/?handle").await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (501, "FanoutNotEnabled")
        );
    }
    let lines = logs.with("Fanout");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("--local-pushpin-proxy-port"), "{lines:?}");
}

#[tokio::test]
async fn what_cannot_be_handed_off_to_fanout_is_a_status_of_the_call() {
    let guest = "http_req.body_downstream_get 0 4
        2: http_req.redirect_to_grip_proxy_v2 *0 'nowhere'
        3: http_req.redirect_to_grip_proxy_v2 77 'self'
        http_resp.new 8
        http_body.new 12
        http_resp.send_downstream *8 *12 0
        1: http_req.redirect_to_grip_proxy_v2 *0 'self'
        1: http_req.redirect_to_grip_proxy 'self'";
    let service = Test::wat(script(guest))
        .backend("self", answering(|_| Response::new("")))
        .with(|builder| builder.grip_proxy("127.0.0.1:1"));
    assert_eq!(service.get("/").await.ok(), "");
}

#[tokio::test]
async fn a_proxy_that_cannot_be_is_told_at_the_start() {
    let test = Test::wat("(module (func (export \"_start\")))");
    let built = test
        .with(|builder| builder.grip_proxy("localhost:0"))
        .build()
        .await;
    let Err(StartError::Settings(error)) = built else {
        panic!("port 0");
    };
    assert!(error.starts_with("GRIP proxy: "), "{error}");
}
