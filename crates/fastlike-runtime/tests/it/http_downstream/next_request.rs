//! Sandboxes that answer one request after another (ABI facts, section 9).

use std::time::Duration;

use fastlike_runtime::{Limits, Outcome, RequestReport};
use http::{Response, StatusCode};

use crate::harness::{ByHand, Running, Test, answering, request, script};

fn reusing() -> Test {
    Test::guest("http_downstream_next_request")
        .backend("origin", answering(|_| Response::new("origin's")))
}

/// The number of one request in its sandbox, which waits for the next one (or
/// has ended) when this returns: a report comes only then.
async fn number(service: &Running, path: &str) -> (String, RequestReport) {
    let number = service.get(path).await.line("request").to_owned();
    (number, service.seen.report().await)
}

async fn numbers(service: &Running, paths: &[&str]) -> Vec<String> {
    let mut numbers = Vec::new();
    for path in paths {
        numbers.push(number(service, path).await.0);
    }
    numbers
}

#[tokio::test]
async fn a_sandbox_answers_one_request_after_another_each_with_its_own_facts() {
    let service = reusing().start().await;
    let mut ids: Vec<String> = Vec::new();
    for number in ["1", "2", "3"] {
        let path = format!("/{number}");
        let body = format!("body {number}");
        let answer = service.send(request("POST", &path, body.clone())).await;
        assert_eq!(answer.line("request"), number);
        assert_eq!(answer.line("path"), path);
        assert_eq!(answer.line("body"), body);
        assert_eq!(answer.line("client"), "192.0.2.7");
        ids.push(answer.line("id").to_owned());
        // An environment does not change.
        assert_eq!(answer.line("trace"), ids[0]);
        let report = service.seen.report().await;
        assert_eq!(report.request_id, answer.line("id"));
        assert_eq!(report.reused, number != "1");
        assert_eq!(report.outcome, Outcome::Finished);
        assert_eq!(report.status, Some(StatusCode::OK));
        assert!(report.cpu > Duration::ZERO && report.heap_peak > 0);
    }
    assert_ne!(ids[1], ids[2]);
}

#[tokio::test]
async fn the_sdks_own_loop_serves_requests_too() {
    let service = Test::guest("http_downstream_serve").start().await;
    for reused in [false, true, true] {
        assert_eq!(service.get("/").await.ok(), "hello");
        assert_eq!(service.seen.report().await.reused, reused);
    }
}

#[tokio::test]
async fn a_trap_poisons_its_own_sandbox_only() {
    let service = reusing().start().await;
    let trapped = |report: RequestReport| matches!(report.outcome, Outcome::Trapped(_));
    assert_eq!(numbers(&service, &["/", "/"]).await, ["1", "2"]);
    assert_eq!(service.get("/trap").await.status, 500);
    assert!(trapped(service.seen.report().await));
    assert_eq!(numbers(&service, &["/"]).await, ["1"], "in a new one");
    // What was answered stays answered.
    let (number, report) = number(&service, "/trap-after").await;
    assert_eq!(
        (number.as_str(), report.status),
        ("2", Some(StatusCode::OK))
    );
    assert!(trapped(report));
    assert_eq!(numbers(&service, &["/"]).await, ["1"]);
}

#[tokio::test]
async fn a_request_does_not_wait_for_a_sandbox_that_is_busy() {
    let (origin, backend) = ByHand::new();
    let service = reusing().backend("origin", backend).start().await;
    assert_eq!(numbers(&service, &["/"]).await, ["1"]);
    let busy = tokio::spawn({
        let service = service.clone();
        async move { service.get("/send").await }
    });
    let asked = origin.asked().await;
    assert_eq!(
        numbers(&service, &["/", "/"]).await,
        ["1", "2"],
        "another one"
    );
    asked.answer(Response::new("late"));
    let busy = busy.await.expect("no panic");
    assert_eq!((busy.line("request"), busy.line("origin")), ("2", "late"));
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_own_request_only() {
    let (origin, backend) = ByHand::new();
    let service = reusing().backend("origin", backend).start().await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    wire.write("GET /early HTTP/1.1\r\nhost: a\r\n\r\n").await;
    wire.read_until("path: /early").await;
    assert_eq!(service.seen.report().await.outcome, Outcome::Finished);
    drop(wire);
    assert_eq!(numbers(&service, &["/"]).await, ["2"], "it was parked");

    let mut wire = server.connect().await;
    wire.write("GET /send HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut asked = origin.asked().await;
    drop(wire);
    let report = service.seen.report().await;
    assert_eq!((report.outcome, report.reused), (Outcome::Cancelled, true));
    asked.given_up().await;
    assert_eq!(numbers(&service, &["/"]).await, ["1"], "a new one");
}

#[tokio::test]
async fn a_sandbox_takes_as_many_requests_as_it_may_and_not_one_more() {
    let service = reusing()
        .limits(|limits| limits.reuse_requests = 2)
        .start()
        .await;
    let paths = ["/"; 5];
    assert_eq!(numbers(&service, &paths).await, ["1", "2", "3", "1", "2"]);
}

/// The numbers that two requests get whose answers overlap, and the two after.
async fn overlapping(parked: usize) -> Vec<String> {
    let (origin, backend) = ByHand::new();
    let service = reusing()
        .backend("origin", backend)
        .limits(|limits| limits.parked_sandboxes = parked)
        .start()
        .await;
    for _ in 0..2 {
        let busy = tokio::spawn({
            let service = service.clone();
            async move { service.get("/send").await }
        });
        let asked = origin.asked().await;
        // A second sandbox answers and parks meanwhile, if it may.
        number(&service, "/").await;
        asked.answer(Response::new(""));
        busy.await.expect("no panic");
        service.seen.report().await;
    }
    let (one, other) = tokio::join!(service.get("/send"), async {
        let asked = origin.asked().await;
        let other = service.get("/").await;
        asked.answer(Response::new(""));
        other
    });
    [one, other]
        .map(|answer| answer.line("request").to_owned())
        .to_vec()
}

#[tokio::test]
async fn as_many_sandboxes_are_parked_as_may_be_and_not_one_more() {
    assert_eq!(overlapping(2).await, ["3", "3"]);
    // Of two that want to park, the later one ends.
    assert_eq!(overlapping(1).await, ["2", "1"]);
    assert_eq!(overlapping(0).await, ["1", "1"]);
}

#[tokio::test]
async fn a_sandbox_that_is_too_old_gets_no_other_request() {
    let service = reusing()
        .limits(|limits| limits.reuse_age = Duration::ZERO)
        .start()
        .await;
    assert_eq!(numbers(&service, &["/", "/"]).await, ["1", "1"]);
    assert_eq!(
        service.seen.stdout_lines(),
        ["no more after /", "no more after /"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_waits_for_so_long_and_ends() {
    let service = reusing().start().await;
    let wait = Limits::default().reuse_wait;
    assert_eq!(wait.as_secs(), 10);
    assert_eq!(numbers(&service, &["/a"]).await, ["1"]);
    tokio::time::sleep(wait - Duration::from_millis(5)).await;
    assert_eq!(numbers(&service, &["/b"]).await, ["2"], "just in time");
    tokio::time::sleep(wait + Duration::from_millis(5)).await;
    assert_eq!(service.seen.stdout_lines(), ["no more after /a /b"]);
    assert_eq!(numbers(&service, &["/c"]).await, ["1"]);
}

#[tokio::test(start_paused = true)]
async fn each_request_has_the_whole_wall_time() {
    let (origin, backend) = ByHand::new();
    let service = reusing().backend("origin", backend).start().await;
    for number in ["1", "2", "3"] {
        let answer = tokio::spawn({
            let service = service.clone();
            async move { service.get("/send").await }
        });
        let asked = origin.asked().await;
        tokio::time::sleep(Duration::from_secs(110)).await;
        asked.answer(Response::new(""));
        assert_eq!(answer.await.expect("no panic").line("request"), number);
        // The wait between them does not count.
        tokio::time::sleep(Duration::from_secs(9)).await;
    }
    let late = service.get("/send").await;
    assert_eq!(late.status, 500);
    assert!(late.text().contains("ran for too long"), "{}", late.text());
    assert_eq!(numbers(&service, &["/"]).await, ["1"]);
}

#[tokio::test]
async fn each_request_has_the_whole_cpu_time() {
    let service = reusing()
        .limits(|limits| limits.cpu = Duration::from_secs(1))
        .start()
        .await;
    for expected in ["1", "2", "3", "4"] {
        let (number, report) = number(&service, "/burn?400").await;
        assert_eq!(number, expected);
        assert!(report.cpu < Duration::from_millis(900), "{:?}", report.cpu);
    }
}

#[tokio::test]
async fn a_request_that_waits_for_a_sandbox_gets_the_one_that_parks() {
    let (origin, backend) = ByHand::new();
    let service = reusing()
        .backend("origin", backend)
        .limits(|limits| {
            limits.max_sandboxes = 1;
            limits.admission_wait = Duration::from_secs(50);
        })
        .start()
        .await;
    let begin = |path: &'static str| {
        let service = service.clone();
        tokio::spawn(async move { service.get(path).await })
    };
    let busy = begin("/send");
    let asked = origin.asked().await;
    let waiting = [begin("/a"), begin("/b")];
    tokio::task::yield_now().await;
    asked.answer(Response::new(""));
    assert_eq!(busy.await.expect("no panic").line("request"), "1");
    let mut numbers = Vec::new();
    for waiting in waiting {
        numbers.push(waiting.await.expect("no panic").line("request").to_owned());
    }
    numbers.sort();
    assert_eq!(numbers, ["2", "3"]);
}

#[tokio::test]
async fn parked_sandboxes_end_when_the_server_shuts_down() {
    let service = reusing().start().await;
    let server = service.serve().await;
    let answer = server
        .exchange("GET /a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await;
    assert!(answer.contains("request: 1"), "{answer}");
    service.seen.report().await;
    server.stop().await;
    assert_eq!(service.seen.stdout_lines(), ["no more after /a"]);
    assert_eq!(numbers(&service, &["/b", "/c"]).await, ["1", "2"]);
}

#[tokio::test]
async fn a_sandbox_takes_a_request_while_its_last_one_is_still_forwarded() {
    let (origin, backend) = ByHand::new();
    let service = reusing().backend("origin", backend).start().await;
    let forwarded = tokio::spawn({
        let service = service.clone();
        async move { service.get("/forward").await }
    });
    let asked = origin.asked().await;
    // The sandbox is free already.
    let mut next = service.get("/next").await;
    while next.line("request") != "2" {
        next = service.get("/next").await;
    }
    asked.answer(Response::new("at last"));
    assert_eq!(forwarded.await.expect("no panic").ok(), "at last");
}

/// Answers, and promises to take another request in `@20`.
const ANSWERED: &str = "http_resp.new 0
    http_body.new 4
    http_resp.send_downstream *0 *4 0\n";

fn after_answer(lines: &str) -> Test {
    Test::wat(script(&format!("{ANSWERED}{lines}")))
}

async fn ends_well(test: Test) {
    let service = test.start().await;
    assert_eq!(service.get("/").await.status, StatusCode::OK);
    assert_eq!(service.seen.report().await.outcome, Outcome::Finished);
}

#[tokio::test]
async fn a_sandbox_makes_one_promise_at_a_time() {
    ends_well(after_answer(
        "http_downstream.next_request 0 0 20
        13: http_downstream.next_request 0 0 24
        http_downstream.next_request_abandon *20
        3: http_downstream.next_request_abandon *20
        3: http_downstream.next_request_wait *20 28 32
        3: async_io.is_ready *20 28
        http_downstream.next_request 0 0 20
        3: http_body.close *20            ; of one number space, but no body
        3: http_req.pending_req_wait *20 28 32
        3: http_downstream.next_request_wait *4 28 32",
    ))
    .await;
}

#[tokio::test]
async fn waiting_before_the_answer_is_refused_and_keeps_the_promise() {
    ends_well(Test::wat(script(
        "http_downstream.next_request 0 0 20
        5: http_downstream.next_request_wait *20 28 32
        5: http_downstream.next_request_wait *20 28 32
        http_resp.new 0
        http_body.new 4
        http_resp.send_downstream *0 *4 0
        http_downstream.next_request_abandon *20",
    )))
    .await;
}

#[tokio::test]
async fn at_a_limit_the_promise_is_ready_at_once_and_brings_nothing() {
    let guest = after_answer(
        "http_downstream.next_request 0 0 20
        async_io.is_ready *20 24
        @24 == 1
        async_io.select 20 1 5 24
        @24 == 0
        10: http_downstream.next_request_wait *20 28 32
        3: http_downstream.next_request_wait *20 28 32
        http_downstream.next_request 0 0 20",
    );
    ends_well(guest.limits(|limits| limits.reuse_requests = 0)).await;
}

/// The record of JavaScript guests has 4 bytes and stands anywhere; what is
/// after it is garbage. Any bit of the mask but the timeout's is ignored.
#[tokio::test(start_paused = true)]
async fn of_the_timeout_the_low_half_is_read_and_it_is_clamped() {
    let waits = |mask: u32, record: &str| {
        let start = format!(
            "(i32.store (i32.const 8) (i32.const -1))
            (i32.store (i32.const 4) {record})
            (drop (call $fastly_http_resp.new (i32.const 20)))
            (drop (call $fastly_http_body.new (i32.const 24)))
            (call $must (call $fastly_http_resp.send_downstream
                (i32.load (i32.const 20)) (i32.load (i32.const 24)) (i32.const 0)))
            (call $must (call $fastly_http_downstream.next_request
                (i32.const {mask}) (i32.const 4) (i32.const 28)))
            (call $must (i32.sub (i32.const 10) (call $fastly_http_downstream.next_request_wait
                (i32.load (i32.const 28)) (i32.const 32) (i32.const 36))))
            (drop (call $fastly_log.endpoint_get (i32.const 0) (i32.const 1) (i32.const 40)))
            (drop (call $fastly_log.write
                (i32.load (i32.const 40)) (i32.const 0) (i32.const 1) (i32.const 44)))"
        );
        let data = "(data (i32.const 0) \"x\")";
        crate::harness::wat::program(data, &start)
    };
    for (mask, record, expected) in [
        (2, "(i32.const 1500)", 1_500),
        (0xffff_ffff, "(i32.const 1500)", 1_500),
        (0, "(i32.const 1500)", 10_000),
        (2, "(i32.const -1)", 10_000),
        (2, "(i32.const 0)", 0),
    ] {
        let service = Test::wat(waits(mask, record)).start().await;
        assert_eq!(service.get("/").await.status, StatusCode::OK);
        let began = tokio::time::Instant::now();
        while service.seen.logged().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let waited = began.elapsed().as_millis() as u64;
        assert!(
            (expected..expected + 50).contains(&waited),
            "{mask} {record}: {waited}"
        );
    }
}

/// Guests that are told that a request is there and do not take it: it is
/// answered by another sandbox.
#[tokio::test]
async fn a_request_that_a_sandbox_does_not_take_goes_to_another() {
    for instead in [
        "",                                         // ends
        "3: http_body.new 24",                      // ends badly
        "http_downstream.next_request_abandon *20", // gives up
        "http_downstream.next_request_abandon *20
        async_io.select 0 0 3600000 24", // and goes on
        "async_io.select 0 0 3600000 24",           // sleeps over it
    ] {
        let service = after_answer(&format!(
            "http_downstream.next_request 0 0 20
            async_io.select 20 1 0 24
            @24 == 0
            {instead}"
        ))
        .start()
        .await;
        for _ in 0..3 {
            assert_eq!(service.get("/").await.status, StatusCode::OK, "{instead}");
        }
        for _ in 0..3 {
            let report = service.seen.report().await;
            assert_eq!(report.outcome, Outcome::Finished, "{instead}");
            assert!(!report.reused, "{instead}");
        }
    }
}

#[tokio::test]
async fn what_is_known_of_a_client_stays_with_its_requests_handle() {
    let service = Test::wat(script(
        "http_req.body_downstream_get 0 4
        http_downstream.downstream_client_request_id *0 1024 32 8
        http_resp.new 12
        http_body.new 16
        http_resp.send_downstream *12 *16 0
        http_downstream.next_request 0 0 20
        http_downstream.next_request_wait *20 24 28
        http_downstream.downstream_client_request_id *0 2048 32 8  ; the first one's
        http_downstream.downstream_client_request_id *24 3072 32 8
        http_req.body_downstream_get 36 40                         ; has moved
        http_req.close *36
        3: http_req.close *24
        http_downstream.downstream_client_request_id *24 3072 32 8 ; stays
        http_resp.new 12
        http_body.new 16
        http_body.write *16 2048 32 0 8
        http_body.write *16 3072 32 0 8
        http_resp.send_downstream *12 *16 0",
    ))
    .start()
    .await;
    assert_eq!(service.get("/").await.ok(), "");
    let first = service.seen.report().await.request_id;
    let answer = service.get("/").await;
    let ids = [first, service.seen.report().await.request_id];
    assert_eq!(answer.ok(), ids.concat());
}

#[tokio::test]
async fn a_promise_can_be_waited_for_among_other_things() {
    let (origin, backend) = ByHand::new();
    // Waits for the origin's answer and for a request, whichever is first.
    let guest = script(
        "http_req.new 0
        http_req.uri_set *0 'http://origin.example/'
        http_body.new 4
        http_req.send_async *0 *4 'origin' 44
        http_resp.new 0
        http_body.new 4
        http_resp.send_downstream *0 *4 0
        http_downstream.next_request 0 0 40
        async_io.select 40 2 0 24
        @24 == 0                                    ; the request
        http_downstream.next_request_wait *40 24 28
        async_io.select 44 1 0 24
        http_req.pending_req_wait *44 24 28
        http_resp.send_downstream *24 *28 0",
    );
    let service = Test::wat(guest).backend("origin", backend).start().await;
    assert_eq!(service.get("/").await.ok(), "");
    let asked = origin.asked().await;
    // The first sandbox's report comes when it is parked.
    service.seen.report().await;
    let next = tokio::spawn({
        let service = service.clone();
        async move { service.get("/next").await }
    });
    asked.answer(Response::new("the origin's"));
    let next = next.await.expect("no panic");
    // Either the request or the answer came first.
    assert!(["the origin's", ""].contains(&next.text()), "{next:?}");
}

/// A guest that only ever asks whether its next request is there.
#[tokio::test]
async fn a_guest_that_polls_gets_requests_too() {
    let polls = (0..20)
        .map(|_| "async_io.is_ready *20 24\nasync_io.select 0 0 2 28\n")
        .collect::<String>();
    let service = after_answer(&format!(
        "http_downstream.next_request 0 0 20
        {polls}
        http_downstream.next_request_wait *20 24 28
        {ANSWERED}"
    ))
    .start()
    .await;
    for _ in 0..2 {
        assert_eq!(service.get("/").await.status, StatusCode::OK);
    }
}
