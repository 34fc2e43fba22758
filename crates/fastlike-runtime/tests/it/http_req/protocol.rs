//! Rules of the ABI about requests that no SDK shows.

use fastlike_runtime::{SendError, backend_fn};
use http::{Response, StatusCode};

use crate::harness::{ByHand, Test, failing, get, origin_at, raw_origin, script};

#[tokio::test]
async fn a_sent_request_is_gone_even_if_its_backend_is_unknown() {
    let guest = script(
        "http_req.new 0
        http_req.uri_set *0 'http://a/'
        http_body.new 4
        2: http_req.send *0 *4 'nowhere' 8 12
        3: http_req.close *0
        3: http_body.close *4
        http_req.new 0
        http_body.new 4
        2: http_req.send_async *0 *4 'nowhere' 8
        3: http_req.close *0
        3: http_body.close *4",
    );
    assert_eq!(Test::wat(guest).get("/").await.ok(), "");
}

#[tokio::test]
async fn the_clients_request_is_the_same_each_time_it_is_asked_for() {
    let guest = script(
        "http_req.body_downstream_get 0 4
        http_req.close *0
        http_req.body_downstream_get 8 12
        @8 == 0
        3: http_req.close *8
        http_downstream.downstream_client_ip_addr *0 64 16   ; what is known of it stays
        @16 == 4",
    );
    assert_eq!(Test::wat(guest).get("/").await.ok(), "");
}

#[tokio::test]
async fn only_a_clients_request_has_a_client() {
    let guest = script(
        "http_req.new 0
        1: http_downstream.downstream_client_ip_addr *0 64 16
        1: http_downstream.downstream_original_header_count *0 16
        1: http_downstream.downstream_client_ip_addr 99 64 16",
    );
    assert_eq!(Test::wat(guest).get("/").await.ok(), "");
}

#[tokio::test]
async fn an_absent_header_is_told_apart_from_a_bad_request() {
    let guest = script(
        "http_req.new 0
        2: http_req.header_value_get *0 'x' 64 10 16
        2: http_req.header_remove *0 'x'
        http_req.header_values_get *0 'x' 64 10 0 24 16
        @16 == 0
        @24 == -1
        http_req.header_insert *0 'X-Name' 'one'
        http_req.header_append *0 'x-nAME' 'two'
        http_req.header_values_get *0 'x-name' 64 10 0 24 16
        @64 == 'one'
        @24 == -1
        @16 == 8
        4: http_req.header_values_get *0 'x-name' 64 3 0 24 16
        @16 == 4
        http_req.header_values_get *0 'x-name' 64 4 0 24 16
        @24 == 1
        http_req.header_values_get *0 'x-name' 64 4 1 24 16
        @64 == 'two'
        @24 == -1
        4: http_req.header_value_get *0 'x-name' 64 2 16
        @16 == 3
        2: http_req.header_insert *0 'bad name' 'x'
        2: http_req.header_insert *0 '' 'x'
        3: http_req.header_insert 99 'x' 'x'",
    );
    assert_eq!(Test::wat(guest).get("/").await.ok(), "");
}

#[tokio::test]
async fn the_destination_is_told_only_to_those_who_pass_the_cache() {
    let guest = script(
        "http_req.new 0
        http_req.uri_set *0 'http://a/'
        http_body.new 4
        http_req.send *0 *4 'origin' 8 12
        10: http_resp.get_addr_dest_ip *8 64 16
        10: http_resp.get_addr_dest_port *8 16
        http_req.new 0
        http_req.uri_set *0 'http://a/'
        http_req.cache_override_set *0 1 0 0
        http_body.new 4
        http_req.send *0 *4 'origin' 8 12
        http_resp.get_addr_dest_ip *8 64 16
        @16 == 4
        @64 == 16777343          ; 127.0.0.1
        http_resp.get_addr_dest_port *8 16",
    );
    let url = raw_origin("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let test = Test::wat(guest).backend("origin", origin_at(&url));
    assert_eq!(test.get("/").await.ok(), "");
}

/// Sends the client's request on, and its answer back without waiting for it.
const FORWARD: &str = "http_req.body_downstream_get 0 4
    http_req.send_async *0 *4 'origin' 8
    http_req.pending_req_header_insert *8 'x-both' 'yes' 0
    http_req.pending_req_header_insert *8 'x-real' 'yes' 1
    http_req.pending_req_header_append *8 'x-error' 'yes' 2
    http_req.pending_req_header_remove *8 'x-origin' 0
    http_resp.send_downstream_pending *8
    3: http_resp.send_downstream_pending *8
    http_resp.new 0
    http_body.new 4
    1: http_resp.send_downstream *0 *4 0";

#[tokio::test]
async fn an_answer_is_forwarded_after_the_guest_has_ended() {
    let (origin, backend) = ByHand::new();
    let service = Test::wat(script(FORWARD))
        .backend("origin", backend)
        .start()
        .await;
    let answered = tokio::spawn({
        let service = service.clone();
        async move { service.get("/").await }
    });
    let asked = origin.asked().await;
    let response = Response::builder()
        .status(201)
        .header("x-origin", "yes")
        .header("x-other", "yes");
    asked.answer(response.body("forwarded").expect("a response"));
    let answer = answered.await.expect("no panic");
    assert_eq!(
        (answer.status, answer.text()),
        (StatusCode::CREATED, "forwarded")
    );
    let names = ["x-both", "x-real", "x-error", "x-origin", "x-other"];
    assert_eq!(
        names.map(|name| answer.header(name)),
        ["yes", "yes", "", "", "yes"]
    );
    assert_eq!(
        service.seen.report().await.outcome,
        fastlike_runtime::Outcome::Finished
    );
}

#[tokio::test]
async fn a_forwarded_failure_is_a_gateways_answer() {
    for (error, status) in [
        (SendError::ResponseTimeout(std::time::Duration::ZERO), 504),
        (SendError::Terminated, 502),
        (SendError::Internal(String::new()), 500),
    ] {
        let answer = Test::wat(script(FORWARD))
            .backend("origin", failing(error))
            .get("/")
            .await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(
            ["x-both", "x-real", "x-error"].map(|name| answer.header(name)),
            ["yes", "", "yes"]
        );
    }
}

#[tokio::test]
async fn an_async_request_goes_on_after_the_guest_has_ended() {
    let guest = script(
        "http_req.new 0
        http_req.uri_set *0 'http://a/beacon'
        http_body.new 4
        http_body.write *4 32768 3 0 16
        http_req.send_async *0 *4 'origin' 8",
    );
    let (origin, backend) = ByHand::new();
    let service = Test::wat(guest).backend("origin", backend).start().await;
    assert_eq!(service.get("/").await.ok(), "");
    let mut asked = origin.asked().await;
    assert_eq!(asked.request.uri().path(), "/beacon");
    let body = crate::harness::text_of(std::mem::take(asked.request.body_mut())).await;
    assert_eq!(body.as_deref(), Ok("htt"));
    asked.answer(Response::new(()));
}

#[tokio::test]
async fn what_concerns_one_connection_goes_no_further() {
    let origin = backend_fn(|request| async move {
        for name in ["connection", "keep-alive", "upgrade", "x-once"] {
            assert!(
                request.headers().get(name).is_none(),
                "{name} reached the origin"
            );
        }
        assert_eq!(request.headers()["x-kept"], "yes");
        let response = Response::builder()
            .header("connection", "x-hop")
            .header("x-hop", "1");
        response
            .header("keep-alive", "5")
            .header("x-kept", "yes")
            .body("answer")
    });
    let service = Test::guest("proxy").backend("origin", origin).start().await;
    let server = service.serve().await;
    let fields = "connection: keep-alive, x-once\r\nkeep-alive: 5\r\nupgrade: h2c\r\nx-once: 1\r\nx-kept: yes\r\n";
    let mut wire = server.connect().await;
    wire.write(format!("GET / HTTP/1.1\r\nhost: a\r\n{fields}\r\n"))
        .await;
    let head = wire.read_head().await;
    assert!(head.contains("x-kept: yes\r\n"), "{head}");
    for name in ["x-hop", "keep-alive: 5"] {
        assert!(!head.contains(name), "{head}");
    }
}

#[tokio::test]
async fn a_backend_that_overrides_the_host_is_asked_by_that_name() {
    let upstream = Test::guest("http_req_reading").start().await.serve().await;
    let url = format!("http://{}/base/", upstream.address);
    let origin = origin_at(&url).override_host("api.example");
    let service = Test::guest("proxy")
        .backend("origin", origin.expect("valid"))
        .start()
        .await;
    let answer = service.get("/path").await;
    let seen: serde_json::Value = serde_json::from_str(answer.ok()).expect("JSON");
    assert_eq!(seen["url"], "http://api.example/base/path");
}

#[tokio::test]
async fn a_guest_whose_origin_fails_still_has_its_client() {
    let failing = backend_fn(|_| async { Err::<Response<()>, _>("out of order") });
    let service = Test::guest("proxy")
        .backend("origin", failing)
        .start()
        .await;
    for _ in 0..2 {
        assert_eq!(
            service.send(get("/")).await.status,
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }
}

#[tokio::test]
async fn a_request_whose_length_is_a_lie_does_not_spoil_the_next_one() {
    let upstream = Test::guest("echo").start().await.serve().await;
    for length in [0, 3, 5, 50] {
        for (send, wait) in [
            ("http_req.send_async *0 *4 'origin' 8", ""),
            (
                "http_req.send_async_streaming *0 *4 'origin' 8",
                "http_body.close *4",
            ),
        ] {
            // Whether the first one is answered is not what this is about.
            let lines = format!(
                "http_req.new 0
                http_req.uri_set *0 'http://a/'
                http_req.method_set *0 'POST'
                http_req.framing_headers_mode_set *0 1
                http_req.header_insert *0 'content-length' '{length}'
                http_body.new 4
                http_body.write *4 'hello' 0 16
                {send}
                {wait}
                async_io.select 8 1 0 16
                http_req.new 0
                http_req.uri_set *0 'http://a/'
                http_req.method_set *0 'POST'
                http_body.new 4
                http_body.write *4 'the next one' 0 16
                http_req.send *0 *4 'origin' 20 24
                http_body.read *24 64 100 16
                @16 == 12
                @64 == 'the next one'"
            );
            let url = format!("http://{}", upstream.address);
            let origin = origin_at(&url);
            let test = Test::wat(script(&lines)).backend("origin", origin);
            assert_eq!(test.get("/").await.ok(), "", "{length}, {send}");
        }
    }
}

#[tokio::test]
async fn no_text_of_a_guest_can_break_out_of_its_line() {
    // At 256: a line feed within a value; at 272: one within a method; at 288: a URI with one.
    let data = r#"(data (i32.const 256) "a\0d\0ab: c") (data (i32.const 272) "GET\0a") (data (i32.const 288) "http://a/\0d\0a")"#;
    let refused = |call: &str| format!("(call $must (i32.ne (i32.const 2) {call}))");
    let start = [
        "(call $must (call $fastly_http_req.new (i32.const 0)))".to_owned(),
        refused(
            "(call $fastly_http_req.header_insert (i32.load (i32.const 0)) (i32.const 256) (i32.const 1) (i32.const 256) (i32.const 7))",
        ),
        refused(
            "(call $fastly_http_req.header_append (i32.load (i32.const 0)) (i32.const 256) (i32.const 7) (i32.const 256) (i32.const 1))",
        ),
        refused(
            "(call $fastly_http_req.header_values_set (i32.load (i32.const 0)) (i32.const 256) (i32.const 1) (i32.const 256) (i32.const 8))",
        ),
        refused(
            "(call $fastly_http_req.method_set (i32.load (i32.const 0)) (i32.const 272) (i32.const 4))",
        ),
        refused(
            "(call $fastly_http_req.uri_set (i32.load (i32.const 0)) (i32.const 288) (i32.const 11))",
        ),
    ];
    let guest = crate::harness::wat::program(data, &start.concat());
    assert_eq!(Test::wat(guest).get("/").await.ok(), "");
}
