//! Clients over real sockets, well-behaved and not.

mod hostile;
mod hostile_http2;
mod http2;
mod proxies;
mod tls;

use std::time::Duration;

use fastlike_runtime::Outcome;
use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::harness::{ByHand, Test, Wire, answering, soon};

/// The header names that the guest of the next response saw.
async fn names_seen(wire: &mut Wire) -> serde_json::Value {
    let head = wire.read_head().await;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.expect("a length").parse().expect("a number");
    let body = wire.read(length).await;
    let seen: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    seen["original_header_names"].clone()
}

#[tokio::test]
async fn header_names_keep_their_case_and_order_also_on_a_later_request() {
    let server = Test::guest("http_req_reading").start().await.serve().await;
    let mut wire = server.connect().await;
    wire.write("POST / HTTP/1.1\r\nHost: a\r\nX-MaNy: 1\r\naccept: b\r\nX-many: 2\r\nContent-Length: 4\r\n\r\nbody").await;
    assert_eq!(
        names_seen(&mut wire).await,
        serde_json::json!(["Host", "X-MaNy", "accept", "X-many", "Content-Length"])
    );
    wire.write("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nhOST: a\r\n\r\n5\r\nHost:\r\n0\r\nX-Trailer: 1\r\n\r\n").await;
    assert_eq!(
        names_seen(&mut wire).await,
        serde_json::json!(["Transfer-Encoding", "hOST"])
    );
    // Two at once.
    wire.write(
        "GET / HTTP/1.1\r\nA: 1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nB: 1\r\nHOST: a\r\n\r\n",
    )
    .await;
    assert_eq!(
        names_seen(&mut wire).await,
        serde_json::json!(["A", "host"])
    );
    assert_eq!(
        names_seen(&mut wire).await,
        serde_json::json!(["B", "HOST"])
    );
}

#[tokio::test]
async fn a_connection_is_kept_for_another_request_and_closed_when_asked() {
    let server = Test::guest("hello").start().await.serve().await;
    let mut wire = server.connect().await;
    for _ in 0..3 {
        wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(
            wire.read_until("\r\n\r\nhello")
                .await
                .starts_with("HTTP/1.1 200 OK\r\n")
        );
    }
    wire.write("GET / HTTP/1.1\r\nhost: a\r\nConnection: close\r\n\r\n")
        .await;
    let last = wire.read_to_end().await;
    assert!(
        last.contains("connection: close\r\n") && last.ends_with("hello"),
        "{last}"
    );
    let old = server.exchange("GET / HTTP/1.0\r\n\r\n").await;
    assert!(
        old.starts_with("HTTP/1.0 200 OK\r\n") && old.ends_with("hello"),
        "{old}"
    );
}

#[tokio::test]
async fn a_connection_ends_though_the_sandbox_that_answered_on_it_waits_for_another_request() {
    let test = Test::guest("http_downstream_next_request")
        .limits(|limits| limits.header_read_timeout = Duration::from_secs(1));
    let service = test.start().await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    wire.read_until("origin: \n").await;
    let begun = tokio::time::Instant::now();
    assert_eq!(wire.read_to_end().await, "");
    // The sandbox waits for ten seconds.
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(service.seen.stdout_lines(), [""; 0]);
}

#[tokio::test]
async fn a_request_body_that_the_guest_does_not_read_does_not_confuse_the_next_request() {
    let server = Test::guest("hello").start().await.serve().await;
    let mut wire = server.connect().await;
    let body = "x".repeat(5_000);
    wire.write(format!(
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5000\r\n\r\n{body}"
    ))
    .await;
    wire.read_until("\r\n\r\nhello").await;
    wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(
        wire.read_until("hello")
            .await
            .starts_with("HTTP/1.1 200 OK\r\n")
    );
}

#[tokio::test]
async fn a_client_may_wait_to_be_told_to_send_its_body() {
    let test = Test::guest("http_body_large");
    let server = test.start().await.serve().await;
    let mut wire = server.connect().await;
    let expecting = "expect: 100-continue\r\ncontent-length: 4\r\n";
    wire.write(format!("POST /read HTTP/1.1\r\nhost: a\r\n{expecting}\r\n"))
        .await;
    assert_eq!(wire.read_head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    wire.write("body").await;
    assert!(wire.read_head().await.starts_with("HTTP/1.1 200 OK\r\n"));
    wire.read_until("4 bytes, sum 430").await;
}

#[tokio::test]
async fn what_is_no_http_gets_a_400() {
    let server = Test::guest("hello").start().await.serve().await;
    for nonsense in [
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
    ] {
        let answer = server.exchange(nonsense).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{nonsense:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn heads_are_bounded_in_lines_and_in_bytes() {
    let server = Test::guest("hello").start().await.serve().await;
    let lines = |count: usize| "x-line: y\r\n".repeat(count);
    let request =
        |headers: &str| format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}connection: close\r\n\r\n");
    // `connection` is the 256th.
    let answer = server.exchange(&request(&lines(254))).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let answer = server.exchange(&request(&lines(255))).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let answer = server
        .exchange(&request(&format!("x: {}\r\n", "y".repeat(200_000))))
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let answer = server
        .exchange(&request(&format!("x: {}\r\n", "y".repeat(600_000))))
        .await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

const SHORT: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_client_that_does_not_finish_its_head_is_hung_up_on() {
    let test = Test::guest("hello").limits(|limits| limits.header_read_timeout = SHORT);
    let server = test.start().await.serve().await;
    let mut wire = server.connect().await;
    wire.write("GET / HTTP/1.1\r\nhost:").await;
    let answer = wire.read_to_end().await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408 "),
        "{answer}"
    );
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_body_fails_the_guests_read() {
    let test = Test::guest("echo").limits(|limits| limits.client_idle_timeout = SHORT);
    let service = test.start().await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    // More than the SDK gathers.
    let half = "x".repeat(20_000);
    wire.write(format!(
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 40000\r\n\r\n{half}"
    ))
    .await;
    let answer = wire.read_to_end().await;
    assert!(answer.ends_with("xxx\r\n"), "{answer}");
    // Cancelled if its client is gone before it has ended.
    let outcome = service.seen.report().await.outcome;
    assert_ne!(outcome, Outcome::Finished);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_hung_up_on() {
    let test = Test::guest("http_body_large").limits(|limits| limits.client_idle_timeout = SHORT);
    let service = test.start().await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    wire.write("GET /make?size=1000000000 HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    wire.read_head().await;
    let report = service.seen.report().await;
    assert_eq!(report.outcome, Outcome::Cancelled);
    drop(wire);
}

#[tokio::test]
async fn a_slow_client_is_served_as_long_as_it_moves() {
    let origin = answering(|request| Response::new(request.into_body()));
    let test = Test::guest("proxy").backend("origin", origin);
    let test = test.limits(|limits| limits.client_idle_timeout = 6 * SHORT);
    let server = test.start().await.serve().await;
    let mut wire = server.connect().await;
    // Longer than the limit in all.
    wire.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 12\r\n\r\nh")
        .await;
    wire.read_head().await;
    assert_eq!(wire.read(1).await, "h");
    for byte in "ello, world".split_terminator("").skip(1) {
        tokio::time::sleep(SHORT).await;
        wire.write(byte).await;
        assert_eq!(wire.read(1).await, byte);
    }
}

#[tokio::test]
async fn shutting_down_lets_running_requests_end() {
    let (origin, backend) = ByHand::new();
    let service = Test::guest("proxy")
        .backend("origin", backend)
        .start()
        .await;
    let server = service.serve().await;
    let address = server.address;
    let mut wire = server.connect().await;
    let mut idle = server.connect().await;
    wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let asked = origin.asked().await;
    let stopping = tokio::spawn(server.stop());
    assert_eq!(idle.read_to_end().await, "", "nothing runs on it");
    assert!(!stopping.is_finished());
    let refused = soon("a refusal", tokio::net::TcpStream::connect(address)).await;
    assert!(refused.is_err(), "a new connection is not accepted");
    asked.answer(Response::new("the last answer"));
    let answer = wire.read_to_end().await;
    assert!(
        answer.contains("connection: close\r\n") && answer.ends_with("the last answer"),
        "{answer}"
    );
    soon("the end of the server", stopping)
        .await
        .expect("no panic");
}

#[tokio::test]
async fn shutting_down_lets_guests_end_that_have_answered() {
    let (origin, backend) = ByHand::new();
    let service = Test::guest("http_downstream_next_request")
        .backend("origin", backend)
        .start()
        .await;
    let server = service.serve().await;
    let answer = server
        .exchange("GET /after HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await;
    assert!(answer.contains("path: /after"), "{answer}");
    let asked = origin.asked().await;
    let mut stopping = std::pin::pin!(server.stop());
    assert!(
        timeout(SHORT, stopping.as_mut()).await.is_err(),
        "its connection has ended, and the guest works"
    );
    asked.answer(Response::new("noted"));
    stopping.await;
    assert_eq!(
        service.seen.stdout_lines(),
        ["after the answer: noted", "no more after /after"]
    );
}

#[tokio::test]
async fn shutting_down_cuts_off_what_does_not_end_in_time() {
    let (origin, backend) = ByHand::new();
    let test = Test::guest("proxy").backend("origin", backend);
    let service = test.limits(|limits| limits.drain = SHORT).start().await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut asked = origin.asked().await;
    server.stop().await;
    assert_eq!(wire.read_to_end().await, "");
    assert_eq!(service.seen.report().await.outcome, Outcome::Cancelled);
    asked.given_up().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_a_while() {
    let test = Test::guest("hello").limits(|limits| limits.header_read_timeout = SHORT);
    let server = test.start().await.serve().await;
    let mut wire = server.connect().await;
    wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    wire.read_until("hello").await;
    let rest = wire.read_to_end().await;
    assert!(rest.is_empty(), "{rest}");
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_no_chunks() {
    let server = Test::guest("http_resp_streaming")
        .start()
        .await
        .serve()
        .await;
    let answer = server
        .exchange("GET /?chunks=2&size=3 HTTP/1.0\r\n\r\n")
        .await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(!head.contains("transfer-encoding"), "{head}");
    assert_eq!(body, "aaabbb");
}

/// The URL that a guest sees for a request line and a host.
async fn url_seen(line: &str, host: &str) -> String {
    let server = Test::guest("http_req_reading").start().await.serve().await;
    let request = format!("{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let answer = server.exchange(&request).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let seen: serde_json::Value = serde_json::from_str(body).expect("JSON");
    seen["url"].as_str().expect("text").to_owned()
}

#[tokio::test]
async fn request_targets_of_every_form_are_absolute_for_the_guest() {
    assert_eq!(
        url_seen("GET /a?b=c", "www.example").await,
        "http://www.example/a?b=c"
    );
    assert_eq!(
        url_seen("GET /a", "www.example:8080").await,
        "http://www.example:8080/a"
    );
    assert_eq!(url_seen("GET /%7Ea//b?", "a").await, "http://a/%7Ea//b?");
    assert_eq!(
        url_seen("GET http://www.example/a", "www.example").await,
        "http://www.example/a"
    );
    assert_eq!(url_seen("GET /", "").await, "http://localhost/");
    assert_eq!(url_seen("GET /", "[::1]:8080").await, "http://[::1]:8080/");
    let any = url_seen("OPTIONS *", "www.example").await;
    assert!(any.starts_with("http://www.example"), "{any}");
}

#[tokio::test]
async fn a_request_that_names_its_length_twice_confuses_nobody() {
    let server = Test::guest("http_req_reading").start().await.serve().await;
    let both = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    let next = "GET /next HTTP/1.1\r\nhOsT: a\r\nconnection: close\r\n\r\n";
    let answer = server.exchange(&format!("{both}{next}")).await;
    // The chunks count, and the connection is not to be trusted any more (RFC 9112 section 6.1).
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(answer.contains("\"body\":\"\""), "{answer}");
    assert!(!answer.contains("/next"), "{answer}");
    let twice = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nbody!";
    let answer = server.exchange(twice).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_client_whose_large_body_nobody_reads_still_gets_its_answer() {
    let server = Test::guest("hello").start().await.serve().await;
    let Wire { stream, .. } = server.connect().await;
    let (mut reading, mut writing) = stream.into_split();
    let sending = tokio::spawn(async move {
        let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n";
        let sent = writing.write_all(head.as_bytes()).await;
        let chunk = vec![b'x'; 1 << 20];
        for _ in 0..100 {
            if sent.is_err() || writing.write_all(&chunk).await.is_err() {
                // The server has closed: it need not take what nobody reads.
                return;
            }
        }
    });
    let mut answer = vec![0; "HTTP/1.1 200 OK\r\n".len()];
    soon("an answer", reading.read_exact(&mut answer))
        .await
        .expect("an answer");
    assert_eq!(answer, b"HTTP/1.1 200 OK\r\n");
    sending.abort();
}
