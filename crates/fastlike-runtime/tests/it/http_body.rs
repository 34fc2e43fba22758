//! Bodies: appended, counted, made, echoed, with trailers.

mod back_pressure;
mod ends;
mod many;
mod matrix;
mod trailers;

use fastlike_runtime::{BodyError, Outcome, backend_fn};
use http::{Response, StatusCode};
use http_body_util::BodyExt;

use crate::harness::{
    Answer, ByHand, Test, answering, channel, frame, get, request, script, text_of, wat,
};

#[tokio::test]
async fn an_origins_body_is_put_between_a_guests_own_bytes() {
    let origin = answering(|_| Response::new("the origin's"));
    let answer = Test::guest("http_body_append")
        .backend("origin", origin)
        .get("/")
        .await;
    assert_eq!(answer.ok(), "before the origin's after");
}

#[tokio::test]
async fn an_appended_body_streams_from_the_origin_to_the_client() {
    let (origin, backend) = ByHand::new();
    let service = Test::guest("http_body_append")
        .backend("origin", backend)
        .start()
        .await;
    let begun = tokio::spawn(async move { service.begin(get("/")).await });
    let (sender, body) = channel();
    origin.asked().await.answer(Response::new(body));

    let mut body = begun.await.expect("no panic").into_body();
    let mut seen = String::new();
    while seen != "before " {
        seen.push_str(&frame(&mut body).await.expect("more").expect("data"));
    }
    for part in ["one ", "two"] {
        sender.send(part);
        assert_eq!(frame(&mut body).await, Some(Ok(part.to_owned())));
    }
    drop(sender);
    assert_eq!(text_of(body).await.as_deref(), Ok(" after"));
}

/// Bytes 0, 1, 2 … 255, 0, 1 … as the guest makes them.
fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|at| at as u8).collect()
}

fn counted(size: usize) -> String {
    let sum = pattern(size)
        .iter()
        .fold(0_u32, |sum, byte| sum.wrapping_add((*byte).into()));
    format!("{size} bytes, sum {sum}")
}

const SIZE: usize = 10 * 1024 * 1024 + 4_321;

#[tokio::test]
async fn large_bodies_arrive_whole_in_every_direction() {
    let origin = backend_fn(|request| async move {
        match request.uri().path() {
            "/download" => Response::new(pattern(SIZE)),
            _ => {
                let received = request.into_body().collect().await;
                Response::new(received.expect("a whole body").to_bytes().into())
            }
        }
    });
    let service = Test::guest("http_body_large")
        .backend("origin", origin)
        .start()
        .await;
    let read = service.send(request("POST", "/read", pattern(SIZE))).await;
    assert_eq!(read.ok(), counted(SIZE));
    assert_eq!(service.get("/download").await.ok(), counted(SIZE));
    for made in ["/make", "/upload"] {
        let answer = service.get(&format!("{made}?size={SIZE}")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(
            answer.body == pattern(SIZE),
            "{made}: {} bytes",
            answer.body.len()
        );
    }
    assert_eq!(service.get("/make?size=0").await.ok(), "");
    assert_eq!(
        service.send(request("POST", "/read", "")).await.ok(),
        "0 bytes, sum 0"
    );
}

#[tokio::test]
async fn a_body_goes_through_guest_memory_chunk_by_chunk() {
    let service = Test::guest("echo").start().await;
    let (sender, body) = channel();
    let mut asked = request("POST", "/", body);
    asked
        .headers_mut()
        .insert("content-type", "text/x-test".parse().expect("a value"));
    let response = service.begin(asked).await;
    assert_eq!(response.headers()["content-type"], "text/x-test");
    let mut body = response.into_body();
    for chunk in LARGE_CHUNKS {
        sender.send(chunk.repeat(LARGE));
        let mut seen = String::new();
        while seen.len() < LARGE {
            seen.push_str(&frame(&mut body).await.expect("more").expect("data"));
        }
        assert!(seen == chunk.repeat(LARGE));
    }
    drop(sender);
    assert_eq!(frame(&mut body).await, None);
}

/// The SDK gathers small writes, and passes on those that are larger than its
/// buffer of 8 KiB.
const LARGE: usize = 20_000;
const LARGE_CHUNKS: [&str; 3] = ["a", "b", "c"];

#[tokio::test]
async fn a_clients_body_that_ends_early_is_an_error_for_the_guest() {
    let service = Test::guest("echo").start().await;
    let (sender, body) = channel();
    let mut body_of_answer = service.begin(request("POST", "/", body)).await.into_body();
    sender.send("x".repeat(LARGE));
    let mut seen = 0;
    while seen < LARGE {
        let data = frame(&mut body_of_answer).await.expect("more");
        seen += data.expect("data").len();
    }
    sender.fail(BodyError::Incomplete);
    // The guest failed, so that its answer is not complete either.
    assert_eq!(
        frame(&mut body_of_answer).await,
        Some(Err(BodyError::Abandoned))
    );
}

#[tokio::test]
async fn trailers_follow_a_streamed_body() {
    let answer = Test::guest("http_body_trailers").get("/").await;
    assert_eq!(answer.ok(), "the body");
    assert_eq!(answer.header("trailer"), "x-sum");
    assert_eq!(
        answer
            .trailers
            .get("x-sum")
            .map(http::HeaderValue::as_bytes),
        Some(&b"8"[..])
    );
}

#[tokio::test]
async fn over_a_socket_trailers_are_for_those_who_want_them() {
    let server = Test::guest("http_body_trailers")
        .start()
        .await
        .serve()
        .await;
    let asked = |te: &str| format!("GET / HTTP/1.1\r\nhost: a\r\n{te}connection: close\r\n\r\n");
    let with = server.exchange(&asked("te: trailers\r\n")).await;
    assert!(with.ends_with("\r\n0\r\nx-sum: 8\r\n\r\n"), "{with}");
    let without = server.exchange(&asked("")).await;
    assert!(without.ends_with("\r\n0\r\n\r\n"), "{without}");
}

#[tokio::test]
async fn what_a_guest_holds_of_bodies_is_bounded() {
    // Writes to a body that nobody reads until the host says no: 13 is the limit's status.
    let guest = wat::program(
        "",
        r#"(call $must (call $fastly_http_body.new (i32.const 40)))
        (loop $again
            (i32.store (i32.const 44) (call $fastly_http_body.write (i32.load (i32.const 40)) (i32.const 1024) (i32.const 32768) (i32.const 0) (i32.const 48)))
            (br_if $again (i32.eqz (i32.load (i32.const 44)))))
        (call $must (i32.ne (i32.load (i32.const 44)) (i32.const 13)))"#,
    );
    let test = Test::wat(guest).limits(|limits| limits.body_memory = 1024 * 1024);
    assert_eq!(test.get("/").await.ok(), "");
}

#[tokio::test]
async fn bodies_are_joined_and_cut_into_as_the_guest_says() {
    let guest = script(
        "http_body.new 0
        http_body.new 4
        http_body.write *0 'two ' 0 8
        http_body.write *0 'one ' 1 8
        http_body.write *4 'three' 0 8
        http_body.append *0 *4
        3: http_body.close *4
        http_body.known_length *0 16
        @16 == 13
        14: http_body.trailer_names_get *0 64 10 0 24 8
        http_body.read *0 64 5 8
        @64 == 'one '
        http_body.known_length *0 16
        http_body.read *0 64 0 8
        @8 == 0
        http_body.write *0 'zero ' 1 8
        http_body.read *0 64 20 8
        @64 == 'zero '
        3: http_body.append *0 99
        2: http_body.read *0 65530 7 8
        http_resp.new 32
        http_resp.send_downstream *32 *0 0",
    );
    let answer = Test::wat(guest).get("/").await;
    assert!(answer.ok().ends_with("two three"), "{}", answer.text());
}

#[tokio::test]
async fn a_clients_body_can_be_its_answer_without_being_read() {
    let guest = script(
        "http_req.body_downstream_get 0 4
        http_resp.new 0
        http_resp.send_downstream *0 *4 0",
    );
    let service = Test::wat(guest).start().await;
    let (sender, body) = channel();
    let mut body = service.begin(request("POST", "/", body)).await.into_body();
    // The guest has ended.
    assert_eq!(service.seen.report().await.outcome, Outcome::Finished);
    for part in ["one", "two"] {
        sender.send(part);
        assert_eq!(frame(&mut body).await, Some(Ok(part.to_owned())));
    }
    drop(sender);
    assert_eq!(frame(&mut body).await, None);
}

#[tokio::test]
async fn a_clients_trailers_are_there_once_its_body_was_read() {
    let guest = script(
        "http_req.body_downstream_get 0 4
        14: http_body.trailer_names_get *4 64 20 0 24 8
        http_body.read *4 64 100 8
        @64 == 'body'
        14: http_body.trailer_value_get *4 'x-sum' 64 20 8
        http_body.read *4 64 100 8
        @8 == 0
        http_body.trailer_names_get *4 64 20 0 24 8
        @64 == 'x-sum'
        @8 == 6
        http_body.trailer_value_get *4 'X-Sum' 64 20 8
        @64 == '4'
        2: http_body.trailer_value_get *4 'x-other' 64 20 8
        http_body.trailer_values_get *4 'x-sum' 64 20 0 24 8
        @8 == 2",
    );
    let service = Test::wat(guest).start().await;
    let server = service.serve().await;
    let chunks = "4\r\nbody\r\n0\r\nX-Sum: 4\r\n\r\n";
    let framing = "transfer-encoding: chunked\r\ntrailer: x-sum\r\nconnection: close";
    let request = format!("POST / HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n{chunks}");
    let answer = server.exchange(&request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn the_length_of_a_clients_body_is_known_if_the_client_told_it() {
    let told = script(
        "http_req.body_downstream_get 0 4
        http_body.known_length *4 16
        @16 == 4",
    );
    assert_eq!(
        Test::wat(told)
            .send(request("POST", "/", "body"))
            .await
            .ok(),
        ""
    );
    let not_told = script(
        "http_req.body_downstream_get 0 4
        10: http_body.known_length *4 16",
    );
    let (sender, body) = channel();
    sender.send("body");
    assert_eq!(
        Test::wat(not_told)
            .send(request("POST", "/", body))
            .await
            .ok(),
        ""
    );
}

#[tokio::test]
async fn answers_without_content_have_none() {
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        let origin = answering(move |_| {
            let response = Response::builder().status(status).header("etag", "\"1\"");
            response.body(()).expect("a valid response")
        });
        let server = Test::guest("proxy")
            .backend("origin", origin)
            .start()
            .await
            .serve()
            .await;
        let mut wire = server.connect().await;
        for _ in 0..2 {
            wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
            let head = wire.read_head().await;
            assert!(
                head.starts_with(&format!("HTTP/1.1 {}", status.as_u16())),
                "{head}"
            );
            assert!(head.contains("etag: \"1\"\r\n"), "{head}");
            assert!(!head.contains("transfer-encoding"), "{head}");
        }
    }
}

#[tokio::test]
async fn a_head_request_gets_the_head_of_the_answer() {
    let service = Test::guest("hello").start().await;
    let answer: Answer = service.send(request("HEAD", "/", "")).await;
    assert_eq!(answer.status, StatusCode::OK);
    let server = service.serve().await;
    let mut wire = server.connect().await;
    for _ in 0..2 {
        wire.write("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let head = wire.read_head().await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    }
    // Had there been a body, it would be read as the next head.
    wire.write("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await;
    assert!(wire.read_to_end().await.ends_with("\r\n\r\nhello"));
}

#[tokio::test]
async fn a_head_request_is_passed_on_as_one_and_keeps_the_length_of_the_content() {
    let origin = answering(|request| {
        assert_eq!(request.method(), http::Method::HEAD);
        Response::builder()
            .header("content-length", "1234")
            .body(())
            .expect("valid")
    });
    let server = Test::guest("proxy")
        .backend("origin", origin)
        .start()
        .await
        .serve()
        .await;
    let answer = server
        .exchange("HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await;
    assert!(answer.contains("content-length: 1234\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}
