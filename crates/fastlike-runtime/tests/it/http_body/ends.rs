//! How the peer sees the end of a body: complete, or cut off.

use fastlike_runtime::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::{Test, get, origin_at, script, soon};

/// The ways a streaming body ends, and whether the message is complete then.
const ENDS: [(&str, bool); 4] = [
    ("http_body.close *4", true),
    ("http_body.abandon *4", false),
    ("", false),                   // the guest ends
    ("3: http_body.new 8", false), // the guest fails
];

const CHUNKED_END: &str = "\r\n0\r\n\r\n";

#[tokio::test]
async fn a_client_sees_whether_its_answer_is_complete() {
    for (end, complete) in ENDS {
        let service = Test::wat(script(&format!(
            "http_resp.new 0
            http_body.new 4
            http_resp.send_downstream *0 *4 1
            http_body.write *4 'some' 0 8
            {end}"
        )))
        .start()
        .await;
        let server = service.serve().await;
        // Not to be closed by the client, only by a cut.
        let mut wire = server.connect().await;
        wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let head = wire.read_head().await;
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        if complete {
            wire.read_until(CHUNKED_END).await;
            wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
            assert!(wire.read_head().await.starts_with("HTTP/1.1 200"));
        } else {
            let rest = wire.read_to_end().await;
            assert!(!rest.ends_with(CHUNKED_END), "{end}: {rest:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_shorter_than_it_said_is_cut_off() {
    let service = Test::wat(script(
        "http_resp.new 0
        http_resp.framing_headers_mode_set *0 1
        http_resp.header_insert *0 'content-length' '10'
        http_body.new 4
        http_resp.send_downstream *0 *4 1
        http_body.write *4 'some' 0 8
        http_body.close *4",
    ))
    .start()
    .await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(wire.read_head().await.contains("content-length: 10\r\n"));
    assert!("some".starts_with(&wire.read_to_end().await));
}

#[tokio::test]
async fn an_origin_sees_whether_its_request_is_complete() {
    for (end, complete) in ENDS {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let origin = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut got = Vec::new();
            while !got.ends_with(CHUNKED_END.as_bytes()) {
                if !matches!(stream.read_buf(&mut got).await, Ok(1..)) {
                    return false;
                }
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.expect("written");
            true
        });
        let service = Test::wat(script(&format!(
            "http_req.new 0
            http_req.uri_set *0 'http://origin.example/'
            http_req.method_set *0 'POST'
            http_body.new 4
            http_req.send_async_streaming *0 *4 'origin' 12
            http_body.write *4 'some' 0 8
            {end}"
        )))
        .backend("origin", origin_at(&url))
        .start()
        .await;
        service.begin(get("/")).await;
        let seen = soon("the request's end", origin).await.expect("no panic");
        assert_eq!(seen, complete, "{end:?}");
    }
}

#[tokio::test]
async fn plain_bodies_are_freed_by_either_and_write_ends_end_once() {
    let service = Test::wat(script(
        "http_body.new 0
        http_body.close *0
        3: http_body.close *0
        3: http_body.abandon *0
        http_body.new 0
        http_body.abandon *0
        3: http_body.abandon *0
        http_resp.new 4
        http_body.new 0
        http_resp.send_downstream *4 *0 1
        http_body.abandon *0
        3: http_body.close *0
        3: http_body.write *0 'x' 0 8",
    ))
    .start()
    .await;
    assert!(service.get("/").await.truncated);
    assert_eq!(service.seen.report().await.outcome, Outcome::Finished);
}
