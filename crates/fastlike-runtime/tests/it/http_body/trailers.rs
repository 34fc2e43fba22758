//! Trailers over HTTP/1.1, to clients and to origins.

use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::{Logs, Test, answering, channel, get, origin_at, script, soon};

const TE: &str = "GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: close\r\n\r\n";
const NO_TE: &str = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn trailers_that_are_known_with_the_head_are_announced_to_those_who_want_them() {
    for (streaming, close) in [(0, ""), (1, "http_body.close *4")] {
        let service = Test::wat(script(&format!(
            "http_resp.new 0
            http_body.new 4
            http_body.write *4 'body' 0 8
            http_body.trailer_append *4 'x-sum' '4'
            http_body.trailer_append *4 'X-Sum' '5'
            http_resp.send_downstream *0 *4 {streaming}
            {close}"
        )))
        .start()
        .await;
        let server = service.serve().await;
        let answer = server.exchange(TE).await;
        assert!(answer.contains("\r\ntrailer: x-sum\r\n"), "{answer}");
        let end = "4\r\nbody\r\n0\r\nx-sum: 4\r\nx-sum: 5\r\n\r\n";
        assert!(answer.ends_with(end), "{answer}");

        let logs = Logs::capture();
        let answer = server.exchange(NO_TE).await;
        assert!(!answer.contains("x-sum"), "{answer}");
        assert_eq!(logs.with("trailers were dropped").len(), 1);
        if streaming == 0 {
            // Without trailers nothing needs chunks.
            assert!(answer.contains("\r\ncontent-length: 4\r\n"), "{answer}");
            assert!(answer.ends_with("\r\n\r\nbody"), "{answer}");
        } else {
            assert!(answer.ends_with("\r\n4\r\nbody\r\n0\r\n\r\n"), "{answer}");
        }
    }
}

#[tokio::test]
async fn trailers_that_were_not_announced_are_dropped_with_one_warning() {
    let service = Test::wat(script(
        "http_resp.new 0
        http_body.new 4
        http_resp.header_insert *0 'trailer' 'x-said'
        http_resp.send_downstream *0 *4 1
        http_body.write *4 'body' 0 8
        http_body.trailer_append *4 'x-said' '1'
        http_body.trailer_append *4 'x-unsaid' '2'
        http_body.trailer_append *4 'x-other' '3'
        http_body.close *4",
    ))
    .start()
    .await;
    let server = service.serve().await;
    let logs = Logs::capture();
    let answer = server.exchange(TE).await;
    assert!(answer.ends_with("\r\n0\r\nx-said: 1\r\n\r\n"), "{answer}");
    let warnings = logs.with("trailers were dropped");
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].ends_with("x-unsaid, x-other"), "{warnings:?}");
}

#[tokio::test]
async fn a_write_end_has_no_trailers_to_read() {
    let service = Test::wat(script(
        "http_resp.new 0
        http_body.new 4
        http_resp.send_downstream *0 *4 1
        http_body.trailer_append *4 'x-a' '1'
        2: http_body.trailer_names_get *4 64 20 0 24 8
        2: http_body.trailer_value_get *4 'x-a' 64 20 8
        2: http_body.trailer_values_get *4 'x-a' 64 20 0 24 8
        http_body.close *4",
    ))
    .start()
    .await;
    assert_eq!(service.get("/").await.ok(), "");
}

#[tokio::test]
async fn an_origins_trailers_are_read_and_passed_on() {
    let origin = || {
        answering(|_| {
            let (sender, body) = channel();
            sender.send("body");
            sender.end_with(&[("x-sum", "4")]);
            Response::builder()
                .header("trailer", "x-sum")
                .body(body)
                .expect("valid")
        })
    };
    let send = "http_req.new 0
        http_req.uri_set *0 'http://origin.example/'
        http_body.new 4
        http_req.send *0 *4 'origin' 0 4\n";
    let read = "14: http_body.trailer_names_get *4 64 20 0 24 8
        http_body.read *4 64 100 8
        14: http_body.trailer_names_get *4 64 20 0 24 8
        http_body.read *4 64 100 8
        @8 == 0
        http_body.trailer_value_get *4 'x-sum' 64 20 8
        @64 == '4'";
    let reading = Test::wat(script(&format!("{send}{read}")));
    assert_eq!(reading.backend("origin", origin()).get("/").await.ok(), "");

    let passing = Test::wat(script(&format!("{send}http_resp.send_downstream *0 *4 0")));
    let service = passing.backend("origin", origin()).start().await;
    let server = service.serve().await;
    let answer = server.exchange(TE).await;
    assert!(answer.ends_with("\r\n0\r\nx-sum: 4\r\n\r\n"), "{answer}");
    let answer = server.exchange(NO_TE).await;
    assert!(answer.ends_with("\r\n0\r\n\r\n"), "{answer}");
    assert_eq!(service.get("/").await.trailers["x-sum"], "4");
}

/// What an HTTP/1.1 origin gets of a request.
async fn received(lines: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let origin = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut got = Vec::new();
        while !got.ends_with(b"\r\n\r\n") || !got.windows(5).any(|end| end == b"\r\n0\r\n") {
            assert!(stream.read_buf(&mut got).await.expect("more") > 0);
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).await.expect("written");
        String::from_utf8(got).expect("text")
    });
    let test = Test::wat(script(lines)).backend("origin", origin_at(&url));
    let service = test.start().await;
    assert_eq!(service.begin(get("/")).await.status(), 200);
    soon("the request", origin).await.expect("no panic")
}

#[tokio::test]
async fn a_requests_trailers_reach_its_origin() {
    let begin = "http_req.new 0
        http_req.method_set *0 'POST'
        http_req.uri_set *0 'http://origin.example/'
        http_body.new 4
        http_body.write *4 'body' 0 8
        http_body.trailer_append *4 'x-sum' '4'\n";
    let at_once = format!("{begin}http_req.send *0 *4 'origin' 0 4");
    let streaming = format!(
        "{begin}http_req.send_async_streaming *0 *4 'origin' 12
        http_body.trailer_append *4 'x-late' '5'   ; too late to be announced
        http_body.close *4
        http_req.pending_req_wait *12 0 4"
    );
    for lines in [at_once, streaming] {
        let got = received(&lines).await;
        assert!(got.contains("\r\ntrailer: x-sum\r\n"), "{got}");
        assert!(got.ends_with("4\r\nbody\r\n0\r\nx-sum: 4\r\n\r\n"), "{got}");
    }
}
