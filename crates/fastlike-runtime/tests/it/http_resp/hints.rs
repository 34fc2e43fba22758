//! 103 Early Hints on real connections (RFC 8297).

use fastlike_runtime::{ServeOptions, TlsListener};
use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::tls::{Client, identity};
use crate::harness::{ByHand, H2, Logs, Test, answering, get, script, soon};

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n\
                     HTTP/1.1 103 Early Hints\r\nlink: </script.js>; rel=preload\r\n\r\n";

#[tokio::test]
async fn hints_reach_the_client_before_the_origin_has_answered() {
    let (origin, backend) = ByHand::new();
    let service = Test::guest("http_resp_early_hints")
        .backend("origin", backend)
        .start()
        .await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    // Twice: the connection stays in order.
    for _ in 0..2 {
        wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let asked = origin.asked().await;
        assert_eq!(wire.read(HINTS.len()).await, HINTS);
        asked.answer(Response::new("the answer"));
        assert!(wire.read_head().await.starts_with("HTTP/1.1 200 OK\r\n"));
        assert_eq!(wire.read(10).await, "the answer");
    }
}

/// Big answers, so that the next request begins while the client has not yet
/// read the one before.
#[tokio::test]
async fn hints_of_pipelined_requests_come_between_the_answers() {
    const SIZE: usize = 3 * 1024 * 1024;
    const REQUESTS: usize = 12;
    let service = Test::guest("http_resp_early_hints")
        .backend("origin", answering(|_| Response::new("x".repeat(SIZE))))
        .start()
        .await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    for number in 0..REQUESTS {
        wire.write(format!("GET /{number} HTTP/1.1\r\nhost: a\r\n\r\n"))
            .await;
    }
    for number in 0..REQUESTS {
        assert_eq!(wire.read(HINTS.len()).await, HINTS);
        let head = wire.read_head().await;
        assert!(head.contains(&format!("x-path: /{number}\r\n")), "{head}");
        assert!(
            head.contains(&format!("content-length: {SIZE}\r\n")),
            "{head}"
        );
        assert_eq!(wire.read(SIZE).await.trim_matches('x'), "");
    }
}

#[tokio::test]
async fn http_1_0_and_programs_without_a_connection_get_no_hints() {
    let service = Test::guest("http_resp_early_hints")
        .backend("origin", answering(|_| Response::new("the answer")))
        .start()
        .await;
    assert_eq!(service.get("/").await.ok(), "the answer");
    let server = service.serve().await;
    let answer = server.exchange("GET / HTTP/1.0\r\nhost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(!answer.contains("103"), "{answer}");
}

#[tokio::test]
async fn hints_go_through_tls_as_well() {
    const SIZE: usize = 1024 * 1024;
    let service = Test::guest("http_resp_early_hints")
        .backend("origin", answering(|_| Response::new("x".repeat(SIZE))))
        .start()
        .await;
    let identity = identity();
    let tls = TlsListener::from_pem(identity.certificate.as_str(), identity.key.as_str());
    let options = ServeOptions::new().tls(tls.expect("valid"));
    let server = service.serve_with(options).await;
    let mut stream = Client::default().connect(&server).await;
    for close in ["", "", "", "connection: close\r\n"] {
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{close}\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
    }
    let mut answers = Vec::new();
    // Some servers end without a goodbye.
    drop(soon("the answers", stream.read_to_end(&mut answers)).await);
    let answers = String::from_utf8(answers).expect("text");
    let mut rest = answers.as_str();
    for _ in 0..4 {
        rest = rest.strip_prefix(HINTS).expect("hints");
        let (head, content) = rest.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        rest = content.get(SIZE..).expect("content");
    }
    assert_eq!(rest, "");
}

#[tokio::test]
async fn over_http_2_hints_are_dropped_and_the_log_says_so_once() {
    let service = Test::guest("http_resp_early_hints")
        .backend("origin", answering(|_| Response::new("the answer")))
        .start()
        .await;
    let logs = Logs::capture();
    let server = service.serve().await;
    let client = H2::connect(&server).await;
    for _ in 0..2 {
        let (status, text, _) = client.get("http://a/").await;
        assert_eq!((status, text.as_str()), (200, "the answer"));
    }
    assert_eq!(logs.with("103 responses are dropped").len(), 1);
}

#[tokio::test]
async fn after_the_answer_there_is_no_hint() {
    let service = Test::wat(script(
        "http_resp.new 0
        http_body.new 4
        http_resp.send_downstream *0 *4 1
        http_resp.new 8
        http_body.new 12
        http_resp.status_set *8 103
        1: http_resp.send_downstream *8 *12 0
        3: http_resp.close *8
        3: http_body.close *12
        http_body.close *4",
    ))
    .start()
    .await;
    let server = service.serve().await;
    let answer = server
        .exchange("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(!answer.contains("103"), "{answer}");
    assert_eq!(service.begin(get("/")).await.status(), 200);
}

/// The client reads nothing; the guest sends hints until it is told to stop.
#[tokio::test]
async fn a_client_that_does_not_read_holds_a_bounded_number_of_hints() {
    let value = "v".repeat(60_000);
    // More than the sockets take, and then the limit.
    let hint = format!(
        "(drop (call $fastly_http_resp.new (i32.const 0)))
        (drop (call $fastly_http_body.new (i32.const 4)))
        (call $must (call $fastly_http_resp.status_set (i32.load (i32.const 0)) (i32.const 103)))
        (call $must (call $fastly_http_resp.header_insert (i32.load (i32.const 0))
            (i32.const 100) (i32.const 1) (i32.const 100) (i32.const {})))
        (local.set $status (call $fastly_http_resp.send_downstream
            (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 0)))",
        value.len()
    );
    let start = format!(
        "(local $status i32)
        (loop $again
            {hint}
            (br_if $again (i32.eqz (local.get $status))))
        (call $must (i32.sub (i32.const 13) (local.get $status)))"
    );
    let data = format!("(data (i32.const 100) \"{value}\")");
    let guest = crate::harness::wat::program(&data, &start);
    let service = Test::wat(guest).start().await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let report = service.seen.report().await;
    assert_eq!(report.outcome, fastlike_runtime::Outcome::Finished);
}
