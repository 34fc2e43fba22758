//! A client that goes away takes its guest with it, until it was answered.

use fastlike_runtime::Outcome;
use http::{Response, StatusCode};
use tokio::io::AsyncWriteExt;

use crate::harness::{ByHand, Running, Test, channel, get, request, script, soon};

async fn proxying() -> (ByHand, Running) {
    let (origin, backend) = ByHand::new();
    (
        origin,
        Test::guest("proxy")
            .backend("origin", backend)
            .start()
            .await,
    )
}

#[tokio::test]
async fn dropping_the_answers_future_stops_the_guest_and_its_request() {
    let (origin, service) = proxying().await;
    let waiting = tokio::spawn({
        let service = service.clone();
        async move { service.begin(get("/path")).await }
    });
    let mut asked = origin.asked().await;
    waiting.abort();
    let report = service.seen.report().await;
    assert_eq!((report.outcome, report.status), (Outcome::Cancelled, None));
    assert_eq!(report.path, "/path");
    asked.given_up().await;
}

#[tokio::test]
async fn a_socket_that_closes_stops_the_guest() {
    let (origin, service) = proxying().await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut asked = origin.asked().await;
    drop(wire);
    assert_eq!(service.seen.report().await.outcome, Outcome::Cancelled);
    asked.given_up().await;
}

#[tokio::test]
async fn a_socket_that_closes_stops_the_guest_though_the_requests_body_is_unread() {
    let (origin, service) = proxying().await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n";
    wire.write(format!("{head}{}", "x".repeat(50_000))).await;
    let mut asked = origin.asked().await;
    drop(wire);
    assert_eq!(service.seen.report().await.outcome, Outcome::Cancelled);
    asked.given_up().await;
}

#[tokio::test]
async fn a_socket_that_closes_stops_a_guest_that_computes() {
    let test =
        Test::guest("abi_loop").limits(|limits| limits.cpu = std::time::Duration::from_secs(300));
    let service = test.start().await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    drop(wire);
    assert_eq!(service.seen.report().await.outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn a_client_that_leaves_within_the_answer_stops_the_guest() {
    let service = Test::guest("http_resp_streaming").start().await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    wire.write("GET /?chunks=2&size=3&pause=3600000 HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    wire.read_until("aaa").await;
    drop(wire);
    let report = service.seen.report().await;
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert_eq!(report.status, Some(StatusCode::PARTIAL_CONTENT));
}

#[tokio::test]
async fn a_client_that_leaves_within_a_passed_on_answer_ends_the_origins_body() {
    let (origin, service) = proxying().await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (sender, body) = channel();
    origin.asked().await.answer(Response::new(body));
    sender.send("the beginning");
    wire.read_until("the beginning").await;
    drop(wire);
    // The guest is long done; what is left is the body.
    sender.closed().await;
    assert_eq!(service.seen.report().await.outcome, Outcome::Finished);
}

#[tokio::test]
async fn a_guest_goes_on_after_a_complete_answer() {
    let guest = script(
        "http_resp.new 0
        http_body.new 4
        http_body.write *4 'answer' 0 8
        http_resp.send_downstream *0 *4 0
        http_req.new 0
        http_req.uri_set *0 'http://origin.example/'
        http_body.new 4
        http_req.send *0 *4 'origin' 8 12
        log.endpoint_get 'log' 16
        log.write *16 'done' 20",
    );
    let (origin, backend) = ByHand::new();
    let service = Test::wat(guest).backend("origin", backend).start().await;
    let server = service.serve().await;
    for asking in [
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbody",
        // The content of this answer is never asked for.
        "HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    ] {
        let answer = server.exchange(asking).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        // The client and its connection are gone, and the guest stays.
        let mut asked = origin.asked().await;
        let moment = std::time::Duration::from_millis(100);
        let given_up = tokio::time::timeout(moment, asked.given_up()).await;
        assert!(given_up.is_err(), "{asking}");
        asked.answer(Response::new(()));
        assert_eq!(service.seen.report().await.outcome, Outcome::Finished);
    }
    let done = ("log".to_owned(), b"done".to_vec());
    assert_eq!(service.seen.logged(), [done.clone(), done.clone(), done]);
}

#[tokio::test]
async fn a_client_that_leaves_while_it_waits_for_a_sandbox_never_gets_one() {
    let (origin, backend) = ByHand::new();
    let test = Test::guest("proxy").backend("origin", backend);
    let service = test.limits(|limits| limits.max_sandboxes = 1).start().await;
    let first = tokio::spawn({
        let service = service.clone();
        async move { service.send(request("GET", "/first", "")).await }
    });
    let asked = origin.asked().await;
    let second = tokio::spawn({
        let service = service.clone();
        async move { service.begin(get("/second")).await }
    });
    tokio::task::yield_now().await;
    second.abort();
    let report = service.seen.report().await;
    assert_eq!(
        (report.path.as_str(), report.outcome),
        ("/second", Outcome::Cancelled)
    );
    asked.answer(Response::new("answered"));
    assert_eq!(
        soon("the first", first).await.expect("no panic").ok(),
        "answered"
    );
}

#[tokio::test]
async fn a_client_that_closes_its_sending_side_counts_as_gone() {
    let (origin, service) = proxying().await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut asked = origin.asked().await;
    wire.stream.shutdown().await.expect("a half-close");
    assert_eq!(service.seen.report().await.outcome, Outcome::Cancelled);
    asked.given_up().await;
}
