//! Waiting for the first of several things.

use std::time::Duration;

use http::Response;

use crate::harness::{ByHand, Test, channel, get, request, script};

/// The position that says "timed out" is -1.
#[tokio::test(start_paused = true)]
async fn a_select_ends_with_its_timeout() {
    let guest = script(
        "http_req.body_downstream_get 0 4
        async_io.select 4 1 1500 8
        @8 == -1
        async_io.is_ready *4 8
        @8 == 0",
    );
    let service = Test::wat(guest).start().await;
    let (_sender, body) = channel();
    let began = tokio::time::Instant::now();
    assert_eq!(service.send(request("POST", "/", body)).await.ok(), "");
    assert_eq!(began.elapsed(), Duration::from_millis(1500));
}

#[tokio::test(start_paused = true)]
async fn a_select_of_nothing_is_a_sleep_and_needs_an_end() {
    let guest = script(
        "2: async_io.select 0 0 0 8
        async_io.select 0 0 700 8
        @8 == -1",
    );
    let service = Test::wat(guest).start().await;
    let began = tokio::time::Instant::now();
    assert_eq!(service.get("/").await.ok(), "");
    assert_eq!(began.elapsed(), Duration::from_millis(700));
}

#[tokio::test]
async fn what_is_ready_stays_ready_and_the_lowest_position_wins() {
    let guest = script(
        "http_req.body_downstream_get 0 4
        http_body.new 8
        async_io.select 4 2 0 16
        @16 == 0
        async_io.select 4 2 0 16
        @16 == 0
        async_io.is_ready *8 16
        @16 == 1
        http_body.read *4 64 10 16
        @16 == 4
        @64 == 'body'",
    );
    assert_eq!(
        Test::wat(guest)
            .send(request("POST", "/", "body"))
            .await
            .ok(),
        ""
    );
}

#[tokio::test]
async fn a_bad_handle_fails_the_whole_call_and_disturbs_nothing() {
    let guest = script(
        "http_req.body_downstream_get 0 4
        3: async_io.is_ready 77 16
        3: async_io.select 4 2 0 16   ; the second is 0 now, the body's own handle
        http_body.read *4 64 10 16",
    );
    // The list is [body, what follows in memory]: make that a handle of nothing.
    let guest = guest.replace(
        "(func (export \"_start\")",
        "(func (export \"_start\") (i32.store (i32.const 8) (i32.const 77))",
    );
    assert_eq!(
        Test::wat(guest)
            .send(request("POST", "/", "body"))
            .await
            .ok(),
        ""
    );
}

#[tokio::test]
async fn a_select_wakes_when_a_request_was_answered_or_a_body_moves() {
    let guest = script(
        "http_req.body_downstream_get 0 4
        http_req.new 16
        http_req.uri_set *16 'http://origin.example/'
        http_body.new 20
        http_req.send_async *16 *20 'origin' 8
        async_io.select 4 2 0 24
        @24 == 1
        http_req.pending_req_wait *8 28 32
        http_req.new 16                ; tells the test that it is its turn
        http_req.uri_set *16 'http://origin.example/'
        http_body.new 20
        http_req.send_async *16 *20 'origin' 8
        async_io.select 4 1 0 24
        @24 == 0
        http_body.read *4 64 10 24
        @64 == 'late'",
    );
    let (origin, backend) = ByHand::new();
    let service = Test::wat(guest).backend("origin", backend).start().await;
    let (sender, body) = channel();
    let answered = tokio::spawn(async move { service.send(request("POST", "/", body)).await });
    origin.asked().await.answer(Response::new("an answer"));
    let _second = origin.asked().await;
    sender.send("late");
    assert_eq!(answered.await.expect("no panic").ok(), "");
}

#[tokio::test]
async fn a_write_end_is_ready_while_there_is_room_and_when_its_reader_is_gone() {
    let guest = script(
        "http_req.new 16
        http_req.uri_set *16 'http://origin.example/'
        http_body.new 20
        http_req.send_async_streaming *16 *20 'origin' 8
        async_io.is_ready *20 24
        @24 == 1
        http_body.write *20 0 65536 0 24
        http_body.write *20 0 65536 0 24
        async_io.select 20 1 0 24      ; full: waits for the origin, which drops it
        @24 == 0
        1: http_body.write *20 0 65536 0 24
        http_req.pending_req_wait *8 28 32",
    );
    let (origin, backend) = ByHand::new();
    let service = Test::wat(guest).backend("origin", backend).start().await;
    let answered = tokio::spawn(async move { service.send(get("/")).await });
    let mut asked = origin.asked().await;
    drop(std::mem::take(asked.request.body_mut()));
    asked.answer(Response::new(()));
    assert_eq!(answered.await.expect("no panic").ok(), "");
}

#[tokio::test]
async fn a_handle_counts_once_in_a_select() {
    let guest = script(
        "http_body.new 0
        http_body.new 4
        async_io.select 0 2 0 64
        @64 == 0
        http_body.new 8
        http_req.body_downstream_get 20 12
        http_req.body_downstream_get 20 16
        3: async_io.select 12 2 5 64           ; the same one twice
        async_io.select 0 3 5 64
        @64 == 0
        2: async_io.select 0 0 0 64
        2: http_req.pending_req_select 0 0 64 68 72
        3: http_req.pending_req_select 0 1 64 68 72   ; a body is no pending request",
    );
    assert_eq!(Test::wat(guest).get("/").await.ok(), "");
}

/// Bodies, a write end, a pending request and a promise, in one list.
#[tokio::test(start_paused = true)]
async fn everything_that_can_be_waited_for_is_of_one_number_space() {
    let guest = script(
        "http_req.new 40
        http_req.uri_set *40 'http://origin.example/'
        http_body.new 44
        http_req.send_async *40 *44 'origin' 0        ; [0]: pending
        http_req.body_downstream_get 40 4             ; [1]: a body whose end is not there
        http_resp.new 40
        http_body.new 8
        http_resp.send_downstream *40 *8 1            ; [2]: a write end
        http_downstream.next_request 0 0 12           ; [3]: a promise
        async_io.select 0 4 100 64
        @64 == 2                                      ; there is room
        http_body.write *8 40000 20000 0 64
        http_body.write *8 40000 20000 0 64
        http_body.write *8 40000 20000 0 64
        http_body.write *8 40000 20000 0 64
        http_body.write *8 40000 20000 0 64
        http_body.write *8 40000 20000 0 64
        http_body.write *8 40000 20000 0 64
        async_io.select 0 4 100 64
        @64 == -1                                     ; nothing is ready any more
        async_io.is_ready *0 64
        @64 == 0
        async_io.is_ready *12 64
        @64 == 0
        async_io.select 0 4 20000 64
        @64 == 3                                      ; no request will come
        10: http_downstream.next_request_wait *12 72 76",
    );
    let (_origin, backend) = ByHand::new();
    let service = Test::wat(guest).backend("origin", backend).start().await;
    let (_sender, body) = channel();
    let _unread = service.begin(request("POST", "/", body)).await;
    assert_eq!(
        service.seen.report().await.outcome,
        fastlike_runtime::Outcome::Finished
    );
}
