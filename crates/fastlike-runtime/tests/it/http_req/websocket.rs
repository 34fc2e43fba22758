//! WebSockets that are handed off to a backend.

use std::time::Duration;

use fastlike_runtime::{Limits, Origin};
use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Logs, Peer, Running, Test, answering, origin_at, request, script, soon};

const HANDSHAKE: &str = "GET /chat?room=1 HTTP/1.1\r\nHost: www.example\r\n\
    Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: a=b\r\n\r\n";

const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn backend(peer: &Peer) -> Origin {
    origin_at(&format!("http://{}/prefix", peer.address))
}

async fn read(stream: &mut TcpStream, length: usize) -> String {
    let mut bytes = vec![0; length];
    let read = soon("bytes", stream.read_exact(&mut bytes)).await;
    read.expect("so many bytes");
    String::from_utf8(bytes).expect("text")
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut rest = String::new();
    let read = soon("the end", stream.read_to_string(&mut rest)).await;
    read.expect("an end");
    rest
}

async fn handing_off(peer: &Peer, limits: impl FnOnce(&mut Limits)) -> Running {
    let test = Test::guest("http_req_websocket").limits(limits);
    test.backend("origin", backend(peer)).start().await
}

#[tokio::test]
async fn a_websocket_reaches_its_backend_and_both_talk_until_both_have_closed() {
    let peer = Peer::new().await;
    let service = handing_off(&peer, |_| {}).await;
    let server = service.serve().await;
    let mut client = server.connect().await;
    // A client may begin to talk before it is answered.
    client.write(format!("{HANDSHAKE}early ")).await;
    let (mut origin, head) = peer.accept().await;
    assert!(
        head.starts_with("get /prefix/chat?room=1 http/1.1\r\n"),
        "{head}"
    );
    for line in [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: dghlihnhbxbszsbub25jzq==",
        "sec-websocket-protocol: chat",
        "cookie: a=b",
        "x-guest: was here",
        &format!("host: {}", peer.address),
    ] {
        assert_eq!(
            head.matches(&format!("\r\n{line}\r\n")).count(),
            1,
            "{line}: {head}"
        );
    }
    assert!(head.contains("\r\ncdn-loop: "), "{head}");
    assert!(!head.contains("content-length"), "{head}");

    origin.write_all(SWITCHING.as_bytes()).await.expect("sent");
    origin.write_all(b"welcome").await.expect("sent");
    let switched = client.read_head().await;
    assert!(switched.starts_with("HTTP/1.1 101 "), "{switched}");
    for line in [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ] {
        assert!(switched.contains(&format!("\r\n{line}\r\n")), "{switched}");
    }
    assert_eq!(client.read(7).await, "welcome");
    client.write("and late").await;
    assert_eq!(read(&mut origin, 14).await, "early and late");

    // The guest has ended, or does what it likes: its answer is used up.
    assert_eq!(
        service.seen.report().await.status,
        Some(http::StatusCode::SWITCHING_PROTOCOLS)
    );
    let (_, line) = service.seen.logged().remove(0);
    let line = String::from_utf8(line).expect("text");
    assert!(line.starts_with("went on, and again: Err("), "{line}");

    client.stream.shutdown().await.expect("half closed");
    assert_eq!(read_to_end(&mut origin).await, "");
    origin.write_all(b"goodbye").await.expect("sent");
    drop(origin);
    assert_eq!(client.read_to_end().await, "goodbye");
    server.stop().await;
}

#[tokio::test]
async fn a_guest_can_hand_off_a_request_of_its_own() {
    let peer = Peer::new().await;
    let service = handing_off(&peer, |_| {}).await;
    let server = service.serve().await;
    let mut client = server.connect().await;
    client.write(HANDSHAKE.replace("room=1", "own")).await;
    let (mut origin, head) = peer.accept().await;
    assert!(
        head.starts_with("get /prefix/of/the/guest?x=y http/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains("sec-websocket-key: dghlihnhbxbszsbub25jzq==\r\n"),
        "{head}"
    );
    assert!(!head.contains("cookie"), "{head}");
    origin.write_all(SWITCHING.as_bytes()).await.expect("sent");
    assert!(client.read_head().await.starts_with("HTTP/1.1 101 "));
}

#[tokio::test]
async fn old_sdks_hand_off_what_the_client_sent_though_they_have_closed_it() {
    let peer = Peer::new().await;
    let guest = script(
        "http_req.body_downstream_get 0 4
        http_req.header_insert *0 'x-guest' 'changed'
        http_req.close *0
        http_body.close *4
        http_req.redirect_to_websocket_proxy 'origin'
        1: http_req.redirect_to_websocket_proxy 'origin'
        1: http_req.redirect_to_grip_proxy 'origin'",
    );
    let service = Test::wat(guest).backend("origin", backend(&peer));
    let server = service.start().await.serve().await;
    let mut client = server.connect().await;
    client.write(HANDSHAKE).await;
    let (mut origin, head) = peer.accept().await;
    assert!(
        head.starts_with("get /prefix/chat?room=1 http/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains("\r\ncookie: a=b\r\n") && !head.contains("x-guest"),
        "{head}"
    );
    origin.write_all(SWITCHING.as_bytes()).await.expect("sent");
    assert!(client.read_head().await.starts_with("HTTP/1.1 101 "));
}

#[tokio::test]
async fn another_answer_than_101_is_passed_on_and_the_connection_goes_on() {
    let peer = Peer::new().await;
    let server = handing_off(&peer, |_| {}).await.serve().await;
    let mut client = server.connect().await;
    for _ in 0..2 {
        client.write(HANDSHAKE).await;
        let (mut origin, _) = peer.accept().await;
        let refusal = "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nx-why: no\r\n\r\nno";
        origin.write_all(refusal.as_bytes()).await.expect("sent");
        let head = client.read_head().await;
        assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
        assert!(head.contains("\r\nx-why: no\r\n"), "{head}");
        assert_eq!(client.read(2).await, "no");
    }
}

#[tokio::test]
async fn what_does_not_ask_for_a_websocket_is_sent_as_it_is() {
    let peer = Peer::new().await;
    let server = handing_off(&peer, |_| {}).await.serve().await;
    for other in ["Upgrade: h2c", "X-Upgrade: websocket"] {
        let mut client = server.connect().await;
        client
            .write(HANDSHAKE.replace("Upgrade: websocket", other))
            .await;
        let (mut origin, head) = peer.accept().await;
        assert!(!head.contains("\r\nupgrade:"), "{head}");
        let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
        origin.write_all(answer.as_bytes()).await.expect("sent");
        assert!(client.read_head().await.starts_with("HTTP/1.1 200 "));
        assert_eq!(client.read(2).await, "ok");
        // To switch is not for the origin to choose.
        client
            .write(HANDSHAKE.replace("Upgrade: websocket", other))
            .await;
        let (mut origin, _) = peer.accept().await;
        origin.write_all(SWITCHING.as_bytes()).await.expect("sent");
        assert!(client.read_head().await.starts_with("HTTP/1.1 502 "));
    }
}

#[tokio::test]
async fn a_backend_that_fails_is_a_gateway_error() {
    let status = async |origin: Origin| {
        let test = Test::guest("http_req_websocket").backend("origin", origin);
        let server = test.start().await.serve().await;
        let mut client = server.connect().await;
        client.write(HANDSHAKE).await;
        client.read_head().await
    };
    let gone = Peer::new().await;
    let origin = backend(&gone);
    drop(gone);
    assert!(status(origin).await.starts_with("HTTP/1.1 502 "));
    let silent = Peer::new().await;
    let origin = backend(&silent).first_byte_timeout(Duration::from_millis(20));
    assert!(status(origin).await.starts_with("HTTP/1.1 504 "));
}

#[tokio::test]
async fn a_backend_in_this_process_can_only_answer() {
    let origin = answering(|_| Response::new("no sockets here"));
    let test = Test::guest("http_req_websocket").backend("origin", origin);
    let server = test.start().await.serve().await;
    let mut client = server.connect().await;
    client.write(HANDSHAKE).await;
    assert!(client.read_head().await.starts_with("HTTP/1.1 200 "));
    assert_eq!(client.read(15).await, "no sockets here");
}

#[tokio::test]
async fn a_client_whose_connection_cannot_be_upgraded_is_told_so() {
    let logs = Logs::capture();
    let peer = Peer::new().await;
    let service = handing_off(&peer, |_| {}).await;
    let mut asked = request("GET", "/", "");
    for (name, value) in [("connection", "upgrade"), ("upgrade", "websocket")] {
        let headers = asked.headers_mut();
        headers.insert(name, value.parse().expect("a value"));
    }
    let answer = service.send(asked).await;
    assert_eq!(answer.status, 501);
    assert!(
        answer.text().contains("cannot be upgraded"),
        "{}",
        answer.text()
    );
    assert_eq!(logs.with("cannot be upgraded").len(), 1);
}

#[tokio::test]
async fn what_cannot_be_handed_off_is_a_status_of_the_call() {
    let guest = "http_req.body_downstream_get 0 4
        2: http_req.redirect_to_websocket_proxy_v2 *0 'nowhere'
        2: http_req.redirect_to_websocket_proxy 'nowhere'
        3: http_req.redirect_to_websocket_proxy_v2 77 'origin'
        http_resp.new 8
        http_body.new 12
        http_resp.send_downstream *8 *12 0
        1: http_req.redirect_to_websocket_proxy_v2 *0 'origin'
        1: http_req.redirect_to_websocket_proxy_v2 77 'nowhere'
        http_req.close *0";
    let origin = || answering(|_| Response::new(""));
    let service = Test::wat(script(guest)).backend("origin", origin());
    assert_eq!(service.get("/").await.ok(), "");

    let logs = Logs::capture();
    let guest = "http_req.body_downstream_get 0 4
        5: http_req.redirect_to_websocket_proxy_v2 *0 'origin'
        5: http_req.redirect_to_websocket_proxy 'nowhere'
        http_resp.new 8
        http_resp.send_downstream *8 *4 0
        1: http_req.redirect_to_websocket_proxy 'origin'";
    let service = Test::wat(script(guest)).backend("origin", origin());
    let service = service.with(|builder| builder.websocket_passthrough(false));
    assert_eq!(service.get("/").await.ok(), "");
    assert_eq!(logs.with("pass-through is switched off").len(), 1);
}

#[tokio::test]
async fn an_sdk_says_that_the_feature_is_off() {
    let service = Test::guest("http_req_websocket")
        .with(|builder| builder.websocket_passthrough(false))
        .start()
        .await;
    let answer = service.get("/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (501, "FanoutNotEnabled")
    );
    let unknown = Test::guest("http_req_websocket").get("/?to=nowhere").await;
    assert_eq!(unknown.status, 501);
    assert_eq!(unknown.text(), "DestinationNotFound");
}

#[tokio::test]
async fn a_request_whose_body_the_guest_has_read_cannot_be_handed_off() {
    let peer = Peer::new().await;
    let guest = "http_req.body_downstream_get 0 4
        http_body.read *4 64 1 8
        1: http_req.redirect_to_websocket_proxy 'origin'";
    let service = Test::wat(script(guest)).backend("origin", backend(&peer));
    let service = service.start().await;
    assert_eq!(service.send(request("POST", "/", "content")).await.ok(), "");
    // Nothing was there to be read.
    let guest = "http_req.body_downstream_get 0 4
        http_body.read *4 64 1 8
        @8 == 0
        http_body.close *4
        http_req.redirect_to_websocket_proxy 'origin'";
    let service = Test::wat(script(guest)).backend("origin", backend(&peer));
    let server = service.start().await.serve().await;
    let mut client = server.connect().await;
    client.write(HANDSHAKE).await;
    let (mut origin, _) = peer.accept().await;
    origin.write_all(SWITCHING.as_bytes()).await.expect("sent");
    assert!(client.read_head().await.starts_with("HTTP/1.1 101 "));
}

#[tokio::test]
async fn so_many_websockets_are_relayed_and_one_more_is_refused() {
    let peer = Peer::new().await;
    let server = handing_off(&peer, |limits| limits.max_tunnels = 1)
        .await
        .serve()
        .await;
    let mut first = server.connect().await;
    first.write(HANDSHAKE).await;
    let (mut origin, _) = peer.accept().await;
    origin.write_all(SWITCHING.as_bytes()).await.expect("sent");
    first.read_head().await;

    let mut second = server.connect().await;
    second.write(HANDSHAKE).await;
    assert!(second.read_head().await.starts_with("HTTP/1.1 503 "));

    drop((first, origin));
    let admitted = async {
        loop {
            let mut third = server.connect().await;
            third.write(HANDSHAKE).await;
            let refused = third.read_head();
            let accepted = peer.accept();
            tokio::select! {
                head = refused => assert!(head.starts_with("HTTP/1.1 503 "), "{head}"),
                accepted = accepted => return accepted,
            }
        }
    };
    soon("room for another one", admitted).await;
}

#[tokio::test]
async fn a_silent_websocket_ends() {
    let peer = Peer::new().await;
    let idle = Duration::from_millis(500);
    let server = handing_off(&peer, |limits| limits.tunnel_idle_timeout = idle)
        .await
        .serve()
        .await;
    let mut client = server.connect().await;
    client.write(HANDSHAKE).await;
    let (mut origin, _) = peer.accept().await;
    origin.write_all(SWITCHING.as_bytes()).await.expect("sent");
    client.read_head().await;
    assert_eq!(client.read_to_end().await, "");
    assert_eq!(read_to_end(&mut origin).await, "");
}

#[tokio::test]
async fn a_shutdown_waits_for_websockets_and_then_cuts_them_off() {
    let peer = Peer::new().await;
    let drain = Duration::from_millis(500);
    let server = handing_off(&peer, |limits| limits.drain = drain)
        .await
        .serve()
        .await;
    let mut client = server.connect().await;
    client.write(HANDSHAKE).await;
    let (mut origin, _) = peer.accept().await;
    origin.write_all(SWITCHING.as_bytes()).await.expect("sent");
    client.read_head().await;
    let began = tokio::time::Instant::now();
    server.stop().await;
    assert!(began.elapsed() >= drain);
    assert_eq!(client.read_to_end().await, "");
    assert_eq!(read_to_end(&mut origin).await, "");
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_ends_the_backends_request() {
    let peer = Peer::new().await;
    let server = handing_off(&peer, |_| {}).await.serve().await;
    let mut client = server.connect().await;
    client.write(HANDSHAKE).await;
    let (mut origin, _) = peer.accept().await;
    drop(client);
    assert_eq!(read_to_end(&mut origin).await, "");
}

#[tokio::test]
async fn one_side_that_is_gone_ends_the_other() {
    let peer = Peer::new().await;
    let server = handing_off(&peer, |_| {}).await.serve().await;
    for client_leaves in [true, false] {
        let mut client = server.connect().await;
        client.write(HANDSHAKE).await;
        let (mut origin, _) = peer.accept().await;
        origin.write_all(SWITCHING.as_bytes()).await.expect("sent");
        client.read_head().await;
        if client_leaves {
            drop(client);
            assert_eq!(read_to_end(&mut origin).await, "");
        } else {
            drop(origin);
            assert_eq!(client.read_to_end().await, "");
        }
    }
}

#[tokio::test]
async fn a_sandbox_hands_off_one_request_after_the_other() {
    let peer = Peer::new().await;
    let guest = script(
        "http_req.redirect_to_websocket_proxy 'origin'
        http_downstream.next_request 0 0 8
        http_downstream.next_request_wait *8 12 16
        http_body.close *16
        http_req.redirect_to_websocket_proxy_v2 *12 'origin'
        1: http_req.redirect_to_websocket_proxy 'origin'",
    );
    let test = Test::wat(guest).backend("origin", backend(&peer));
    let server = test.start().await.serve().await;
    for room in ["room=1", "room=2"] {
        let mut client = server.connect().await;
        client.write(HANDSHAKE.replace("room=1", room)).await;
        let (mut origin, head) = peer.accept().await;
        assert!(head.contains(room), "{head}");
        origin.write_all(SWITCHING.as_bytes()).await.expect("sent");
        origin.write_all(b"hello").await.expect("sent");
        client.read_head().await;
        assert_eq!(client.read(5).await, "hello");
    }
}
