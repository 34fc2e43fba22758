//! HTTP/1.1 clients that write what two readers could read in two ways, too
//! much of everything, too slowly, or half of it.

use std::time::Duration;

use fastlike_runtime::Outcome;
use http::Response;

use crate::harness::{ByHand, Server, Test};

/// What follows a request that is smuggled or not: it must never be answered
/// as a request of its own.
const NEXT: &str = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";

async fn reading() -> Server {
    Test::guest("http_req_reading").start().await.serve().await
}

/// Sends a request with `NEXT` in its content or after it.
async fn smuggled(server: &Server, request: &str) -> String {
    let answer = server.exchange(request).await;
    assert!(
        !answer.contains("\"path\":\"/smuggled\""),
        "{request:?}: {answer}"
    );
    answer
}

#[tokio::test]
async fn framing_that_can_be_read_in_two_ways_is_refused() {
    let server = reading().await;
    let post = |headers: &str, body: &str| {
        format!("POST / HTTP/1.1\r\nhost: a\r\n{headers}\r\n{body}{NEXT}")
    };
    for headers in [
        "content-length: 4\r\ncontent-length: 5\r\n",
        "content-length: 4, 5\r\n",
        "content-length: +4\r\n",
        "content-length: -4\r\n",
        "content-length: 0x4\r\n",
        "content-length: 4 4\r\n",
        "content-length: 99999999999999999999\r\n",
        "content-length:\r\n",
        "transfer-encoding: identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: \r\n",
        "transfer-encoding: chunked, chunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "content-length : 4\r\n",
        "transfer-encoding : chunked\r\n",
        "\ttransfer-encoding: chunked\r\n",
        "transfer-encoding:\r\n chunked\r\n",
        "x: y\r\n transfer-encoding: chunked\r\n",
        "transfer-encoding\0: chunked\r\n",
        "x: y\0\r\n",
        "x: y\rz\r\n",
        ": nameless\r\n",
        "host: b\r\n",
    ] {
        let answer = smuggled(&server, &post(headers, "body")).await;
        let head = answer.split("\r\n\r\n").next().unwrap_or_default();
        assert!(
            answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.1 501 "),
            "{headers:?}: {head}"
        );
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "{headers:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn chunks_win_over_a_length_and_end_the_connection() {
    let server = reading().await;
    for order in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
        "Transfer-Encoding: CHUNKED\r\ncontent-length: 0\r\n",
    ] {
        let request = format!("POST / HTTP/1.1\r\nhost: a\r\n{order}\r\n0\r\n\r\n{NEXT}");
        let answer = smuggled(&server, &request).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn chunks_of_an_old_version_are_refused_or_end_the_connection() {
    let server = reading().await;
    let keep = "connection: keep-alive\r\ntransfer-encoding: chunked\r\n";
    let request = format!("POST / HTTP/1.0\r\nhost: a\r\n{keep}\r\n0\r\n\r\n{NEXT}");
    // RFC 9112 section 6.1: its framing is faulty.
    let answer = smuggled(&server, &request).await;
    assert_eq!(answer.matches("HTTP/1.").count(), 1, "{answer}");
}

#[tokio::test]
async fn equal_lengths_are_one_length() {
    let server = reading().await;
    let request = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 4\r\n\
        content-length: 4\r\n\r\nbody";
    let answer = server.exchange(request).await;
    // RFC 9112 section 6.3 lets the recipient choose.
    let refused = answer.starts_with("HTTP/1.1 400 ");
    assert!(refused || answer.contains("\"body\":\"body\""), "{answer}");
}

#[tokio::test]
async fn chunks_of_a_size_that_is_none_end_the_request() {
    let test = Test::guest("http_req_reading");
    // For those whose end is far away.
    let short = Duration::from_millis(500);
    let service = test
        .limits(|limits| limits.client_idle_timeout = short)
        .start()
        .await;
    let server = service.serve().await;
    for chunks in [
        "x\r\nbody\r\n0\r\n\r\n",
        "-4\r\nbody\r\n0\r\n\r\n",
        "0x4\r\nbody\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nbody\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nbody\r\n0\r\n\r\n",
        "4\nbody\n0\n\n",
        "4\r\nbody0\r\n\r\n",
        "3\r\nbody\r\n0\r\n\r\n",
        " 4\r\nbody\r\n0\r\n\r\n",
        "4;\nbody\r\n0\r\n\r\n",
        "\r\n4\r\nbody\r\n0\r\n\r\n",
    ] {
        let request = format!(
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{chunks}{NEXT}"
        );
        let answer = smuggled(&server, &request).await;
        assert!(
            !answer.contains("\"body\":\"body\""),
            "{chunks:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn extensions_of_chunks_are_ignored_and_bounded() {
    let server = reading().await;
    let request = |extension: &str| {
        format!(
            "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
             4;{extension}\r\nbody\r\n0\r\n\r\n"
        )
    };
    let answer = server.exchange(&request("a=b")).await;
    assert!(answer.contains("\"body\":\"body\""), "{answer}");
    let answer = server.exchange(&request(&"x".repeat(100_000))).await;
    assert!(!answer.contains("\"body\":\"body\""), "{answer}");
}

#[tokio::test]
async fn lines_may_end_in_a_bare_line_feed_and_never_in_a_bare_return() {
    let server = reading().await;
    // RFC 9112 section 2.2 lets the recipient choose.
    let answer = server
        .exchange("GET / HTTP/1.1\nhost: a\nconnection: close\n\n")
        .await;
    let status = answer.get(..12).unwrap_or_default();
    assert!(
        ["HTTP/1.1 200", "HTTP/1.1 400"].contains(&status),
        "{answer}"
    );
    let answer = server.exchange("GET / HTTP/1.1\rhost: a\r\r").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn request_lines_that_are_none_are_refused() {
    let server = reading().await;
    for line in [
        "GET /",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET / HTTP/1.2",
        "GET / HTTP/9.9",
        "GET / http/1.1",
        "GET /a b HTTP/1.1",
        "GET a.example/ HTTP/1.1",
        "G\0T / HTTP/1.1",
        " GET / HTTP/1.1",
        "GET * HTTP/1.1",
        "GET http://me@a/ HTTP/1.1",
    ] {
        let answer = smuggled(&server, &format!("{line}\r\nhost: a\r\n\r\n{NEXT}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{line:?}: {answer}");
    }
}

#[tokio::test]
async fn a_request_without_a_host_or_with_two_is_refused() {
    let server = reading().await;
    for hosts in [
        "",
        "host: a\r\nhost: a\r\n",
        "host: a, b\r\n",
        "host: a/b\r\n",
    ] {
        let answer = smuggled(&server, &format!("GET / HTTP/1.1\r\n{hosts}\r\n{NEXT}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{hosts:?}: {answer}");
    }
    let old = server.exchange("GET / HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200 "), "{old}");
}

#[tokio::test]
async fn a_target_that_names_its_host_wins_over_the_header() {
    let server = reading().await;
    let request =
        "GET http://right.example/x HTTP/1.1\r\nhost: wrong.example\r\nconnection: close\r\n\r\n";
    let answer = server.exchange(request).await;
    assert!(
        answer.contains("\"url\":\"http://right.example/x\""),
        "{answer}"
    );
    assert!(answer.contains("\"host\":[\"right.example\"]"), "{answer}");
}

#[tokio::test]
async fn a_tunnel_is_refused_and_its_bytes_are_no_requests() {
    let server = reading().await;
    let request = format!("CONNECT a.example:443 HTTP/1.1\r\nhost: a.example:443\r\n\r\n{NEXT}");
    let answer = smuggled(&server, &request).await;
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn ten_thousand_headers_and_an_endless_request_line_are_refused() {
    let server = reading().await;
    let lines = "x: y\r\n".repeat(10_000);
    let answer = server
        .exchange(&format!("GET / HTTP/1.1\r\nhost: a\r\n{lines}\r\n"))
        .await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
        "{answer}"
    );
    for length in [70_000, 1_000_000] {
        let line = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(length));
        let answer = server.exchange(&line).await;
        let status = answer.get(..13).unwrap_or_default();
        assert!(
            ["", "HTTP/1.1 414 ", "HTTP/1.1 431 ", "HTTP/1.1 400 "].contains(&status),
            "{length}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_has_its_time_and_no_more() {
    let test = Test::guest("hello");
    let limit = Duration::from_millis(500);
    let service = test
        .limits(|limits| limits.header_read_timeout = limit)
        .start()
        .await;
    let server = service.serve().await;
    for first in ["G", "PRI * HTTP", "GET / HTTP/1.1\r\nx: "] {
        let mut wire = server.connect().await;
        wire.write(first).await;
        let begun = tokio::time::Instant::now();
        let (mut reading, mut writing) = wire.stream.into_split();
        let dripping = tokio::spawn(async move {
            use tokio::io::AsyncWriteExt as _;
            while writing.write_all(b"y").await.is_ok() {
                tokio::time::sleep(limit / 10).await;
            }
        });
        let mut answer = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut answer);
        drop(crate::harness::soon("the end", read).await);
        assert!(begun.elapsed() < limit * 50, "{first:?}");
        dripping.abort();
    }
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_its_body_ends_its_guest() {
    let service = Test::guest("echo").start().await;
    let server = service.serve().await;
    for part in [
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nsome",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nso",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4\r\nsome\r\n",
    ] {
        let mut wire = server.connect().await;
        wire.write(part).await;
        drop(wire);
        let outcome = service.seen.report().await.outcome;
        let ended = [Outcome::Finished, Outcome::NotStarted(String::new())];
        assert!(!ended.contains(&outcome), "{part:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn an_early_answer_keeps_the_connection_in_step() {
    let (origin, backend) = ByHand::new();
    let service = Test::guest("proxy")
        .backend("origin", backend)
        .start()
        .await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    wire.write("POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n")
        .await;
    let asked = origin.asked().await;
    asked.answer(Response::new("early"));
    let head = wire.read_head().await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    wire.read_until("early").await;
    // Its content comes late, and is not taken for a request.
    wire.write(format!("body{NEXT}")).await;
    let rest = tokio::select! {
        asked = origin.asked() => {
            assert_eq!(asked.request.uri().path(), "/smuggled", "in step");
            asked.answer(Response::new("next"));
            wire.read_until("next").await
        }
        rest = wire.read_to_end() => rest,
    };
    assert!(!rest.contains("HTTP/1.1 400"), "{rest}");
}

#[tokio::test]
async fn a_client_is_told_to_go_on_when_its_guest_reads_and_not_before() {
    let (origin, backend) = ByHand::new();
    let service = Test::guest("proxy")
        .backend("origin", backend)
        .start()
        .await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    wire.write("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        .await;
    // The guest passes the body on unread, and the origin answers without it.
    let asked = origin.asked().await;
    asked.answer(Response::new("no, thanks"));
    let head = wire.read_head().await;
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n"),
        "no 100 before: {head}"
    );
    wire.read_until("no, thanks").await;
}

#[tokio::test]
async fn an_expectation_of_something_else_is_no_reason_to_wait() {
    let server = reading().await;
    let request = "POST / HTTP/1.1\r\nhost: a\r\nexpect: miracles\r\nconnection: close\r\n\
        content-length: 4\r\n\r\nbody";
    let answer = server.exchange(request).await;
    let passes = answer.contains("\"body\":\"body\"") && !answer.contains("100 Continue");
    assert!(passes || answer.starts_with("HTTP/1.1 417 "), "{answer}");
}
