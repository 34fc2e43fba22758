//! Requests that are under way while the guest does something else.

use std::time::Duration;

use fastlike_runtime::{Backend, backend_fn};
use http::Response;

use crate::harness::{ByHand, Test, failing, script};

fn after(delay: Duration, body: &'static str) -> impl Backend {
    backend_fn(move |_| async move {
        tokio::time::sleep(delay).await;
        Response::new(body)
    })
}

/// tokio's clock stands still and jumps to what is waited for.
#[tokio::test(start_paused = true)]
async fn answers_are_taken_in_the_order_of_their_arrival() {
    let second = Duration::from_secs(1);
    let test = Test::guest("http_req_send_async_select")
        .backend("one", after(3 * second, "last"))
        .backend("two", after(second, "first"))
        .backend("three", after(2 * second, "second"));
    let answer = test.get("/").await;
    assert_eq!(answer.ok(), "two: first\nthree: second\none: last\n");
}

#[tokio::test]
async fn of_several_answers_the_first_in_the_list_is_taken() {
    let (origin, backend) = ByHand::new();
    let (shared_two, shared_three) = (ByHand::new(), ByHand::new());
    let test = Test::guest("http_req_send_async_select")
        .backend("one", backend)
        .backend("two", shared_two.1)
        .backend("three", shared_three.1);
    let service = test.start().await;
    let answered = tokio::spawn(async move { service.get("/").await });
    // All are under way before any is answered.
    let asked = [
        origin.asked().await,
        shared_two.0.asked().await,
        shared_three.0.asked().await,
    ];
    for (asked, body) in asked.into_iter().zip(["1", "2", "3"]) {
        assert!(asked.answer(Response::new(body)));
    }
    let answer = answered.await.expect("no panic");
    let mut lines: Vec<&str> = answer.ok().lines().collect();
    assert_eq!(lines[0], "one: 1");
    lines.sort_unstable();
    assert_eq!(lines, ["one: 1", "three: 3", "two: 2"]);
}

#[tokio::test]
async fn a_guest_polls_until_the_answer_is_there() {
    let (origin, backend) = ByHand::new();
    let service = Test::guest("http_req_send_async_poll")
        .backend("origin", backend)
        .start()
        .await;
    let answered = tokio::spawn(async move { service.get("/").await });
    let asked = origin.asked().await;
    // The guest polls each millisecond.
    tokio::time::sleep(Duration::from_millis(20)).await;
    asked.answer(Response::new("there"));
    let answer = answered.await.expect("no panic");
    assert_eq!(answer.ok(), "there");
    let polls: u32 = answer.header("x-polls").parse().expect("a number");
    assert!(polls > 1, "{polls}");
}

#[tokio::test]
async fn what_is_under_way_is_consumed_by_its_answer() {
    let guest = script(
        "http_req.new 0
        http_req.uri_set *0 'http://a/'
        http_body.new 4
        http_req.send_async *0 *4 'origin' 8
        http_req.pending_req_poll *8 16 20 24
        @16 == 0
        @20 == -2                              ; no handle while there is no answer
        @24 == -2
        3: http_body.read *8 64 10 16          ; it is no body
        2: http_req.pending_req_select 8 0 16 20 24
        http_req.pending_req_select 8 1 16 20 24
        @16 == 0
        http_resp.status_get *20 28
        3: http_req.pending_req_poll *8 16 20 24
        3: http_req.pending_req_wait *8 20 24
        3: http_req.pending_req_select 8 1 16 20 24",
    );
    let (origin, backend) = ByHand::new();
    let service = Test::wat(guest).backend("origin", backend).start().await;
    let answered = tokio::spawn(async move { service.get("/").await });
    origin.asked().await.answer(Response::new("an answer"));
    assert_eq!(answered.await.expect("no panic").ok(), "");
}

#[tokio::test]
async fn a_winner_that_failed_is_no_failure_of_the_select() {
    let guest = script(
        "http_req.new 0
        http_req.uri_set *0 'http://a/'
        http_body.new 4
        http_req.send_async *0 *4 'origin' 8
        http_req.pending_req_select_v2 8 1 64 16 20 24
        @16 == 0
        @20 == -2
        @24 == -2
        @64 == 8                               ; the connection ended before an answer
        3: http_req.pending_req_wait *8 20 24",
    );
    let test = Test::wat(guest).backend("origin", failing(fastlike_runtime::SendError::Terminated));
    assert_eq!(test.get("/").await.ok(), "");
}
