//! Answers to the client.

use fastlike_runtime::{BodyError, Outcome};
use http::StatusCode;

use crate::harness::{Test, frame, get, wat};

#[tokio::test]
async fn an_answer_streams_while_the_guest_still_makes_it() {
    let service = Test::guest("http_resp_streaming").start().await;
    // After each chunk the guest sleeps, far longer than this test waits.
    let response = service.begin(get("/?chunks=2&size=3&pause=3600000")).await;
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(response.headers()["x-streamed"], "yes");
    let mut body = response.into_body();
    assert_eq!(frame(&mut body).await, Some(Ok("aaa".to_owned())));
    // The client goes, and the guest with it.
    drop(body);
    let report = service.seen.report().await;
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert_eq!(report.status, Some(StatusCode::PARTIAL_CONTENT));
}

#[tokio::test]
async fn a_streamed_answer_arrives_whole() {
    let answer = Test::guest("http_resp_streaming")
        .get("/?chunks=40&size=10000")
        .await;
    assert_eq!(
        (answer.status, answer.truncated),
        (StatusCode::PARTIAL_CONTENT, false)
    );
    let expected: Vec<u8> = (0..40_usize)
        .flat_map(|chunk| vec![b'a' + (chunk % 26) as u8; 10_000])
        .collect();
    assert!(answer.body == expected, "{} bytes", answer.body.len());
}

#[tokio::test]
async fn an_abandoned_answer_is_truncated() {
    let service = Test::guest("http_resp_streaming").start().await;
    let mut body = service
        .begin(get("/?chunks=1&size=3&end=abandon"))
        .await
        .into_body();
    assert_eq!(frame(&mut body).await, Some(Ok("aaa".to_owned())));
    assert_eq!(frame(&mut body).await, Some(Err(BodyError::Abandoned)));

    let server = service.serve().await;
    let request = |end: &str| {
        // The pause lets the chunk go out before the end comes.
        format!(
            "GET /?chunks=1&size=3&pause=100&end={end} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        )
    };
    let abandoned = server.exchange(&request("abandon")).await;
    assert!(abandoned.ends_with("3\r\naaa\r\n"), "{abandoned}");
    let finished = server.exchange(&request("finish")).await;
    assert!(finished.ends_with("3\r\naaa\r\n0\r\n\r\n"), "{finished}");
}

#[tokio::test]
async fn a_guest_may_frame_its_answer_and_nonsense_is_not_believed() {
    let server = Test::guest("http_resp_framing").start().await.serve().await;
    let framing = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = server.exchange(&request).await;
        let lines = answer.lines().filter(|line| {
            line.starts_with("content-length") || line.starts_with("transfer-encoding")
        });
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        let content = answer.split_once("\r\n\r\n").expect("a head").1.to_owned();
        (lines.join(", "), content)
    };
    let plain = ("content-length: 10".to_owned(), "0123456789".to_owned());
    assert_eq!(framing("/length").await, plain);
    assert_eq!(framing("/none").await, plain);
    assert_eq!(framing("/wrong").await, plain);
    let chunked = (
        "transfer-encoding: chunked".to_owned(),
        "A\r\n0123456789\r\n0\r\n\r\n".to_owned(),
    );
    assert_eq!(framing("/chunked").await, chunked);
}

#[tokio::test]
async fn many_headers_are_read_and_set() {
    let mut asked = get("/");
    for number in 0..32 {
        let name: http::HeaderName = format!("x-{number}").parse().expect("a name");
        asked
            .headers_mut()
            .insert(name, "four".parse().expect("a value"));
    }
    let answer = Test::guest("headers_many").send(asked).await;
    // host: www.example, and 32 of 3 or 4 and 4 bytes.
    assert_eq!(
        answer.ok(),
        format!("{} bytes of headers\n", 4 + 11 + 10 * 7 + 22 * 8)
    );
    for number in 0..32 {
        let expected = format!("the value of header number {number}");
        assert_eq!(answer.header(&format!("x-header-{number}")), expected);
    }
}

#[tokio::test]
async fn hello() {
    let answer = Test::guest("hello").get("/").await;
    assert_eq!(answer.ok(), "hello");
}

/// Makes a response and a body (handles at 0 and 4), and does the rest.
fn responding(rest: &str) -> Test {
    let start = format!(
        "(call $must (call $fastly_http_resp.new (i32.const 0)))
        (call $must (call $fastly_http_body.new (i32.const 4)))
        {rest}"
    );
    Test::wat(wat::program("", &start))
}

const SEND: &str = "(call $fastly_http_resp.send_downstream (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 0))";

#[tokio::test]
async fn a_second_answer_is_an_error_and_the_first_one_stands() {
    let set = |status: u16| {
        format!(
            "(call $must (call $fastly_http_resp.status_set (i32.load (i32.const 0)) (i32.const {status})))"
        )
    };
    let first = format!("{} (call $must {SEND})", set(201));
    let second = format!(
        "(call $must (call $fastly_http_resp.new (i32.const 0)))
        (call $must (call $fastly_http_body.new (i32.const 4)))
        {} (call $must (i32.ne {SEND} (i32.const 1)))",
        set(404)
    );
    let service = responding(&format!("{first}{second}")).start().await;
    assert_eq!(service.get("/").await.status, StatusCode::CREATED);
    assert_eq!(service.seen.report().await.outcome, Outcome::Finished);
}

#[tokio::test]
async fn hints_come_before_the_answer_and_other_informational_statuses_are_refused() {
    let answer = |status: u16, expected: u32| {
        format!(
            "(call $must (call $fastly_http_resp.new (i32.const 0)))
            (call $must (call $fastly_http_body.new (i32.const 4)))
            (call $must (call $fastly_http_resp.status_set (i32.load (i32.const 0)) (i32.const {status})))
            (call $must (i32.ne {SEND} (i32.const {expected})))"
        )
    };
    let all = [(103, 0), (103, 0), (100, 2), (101, 2), (200, 0), (103, 1)];
    let text: String = all
        .map(|(status, expected)| answer(status, expected))
        .concat();
    let service = responding(&text).start().await;
    assert_eq!(service.get("/").await.status, StatusCode::OK);
    assert_eq!(service.seen.report().await.outcome, Outcome::Finished);
}

#[tokio::test]
async fn a_status_has_three_digits() {
    let set = |status: u32, expected: u32| {
        format!(
            "(call $must (i32.ne (i32.const {expected}) (call $fastly_http_resp.status_set (i32.load (i32.const 0)) (i32.const {status}))))"
        )
    };
    let text = [set(99, 2), set(1000, 2), set(65_536, 2), set(999, 0)].concat();
    let service = responding(&format!("{text} (call $must {SEND})"))
        .start()
        .await;
    assert_eq!(service.get("/").await.status.as_u16(), 999);
}

#[tokio::test]
async fn a_response_and_its_body_are_gone_once_sent() {
    let gone = "(call $must (i32.ne (i32.const 3) (call $fastly_http_resp.close (i32.load (i32.const 0)))))
        (call $must (i32.ne (i32.const 3) (call $fastly_http_body.close (i32.load (i32.const 4)))))";
    let service = responding(&format!("(call $must {SEND}) {gone}"))
        .start()
        .await;
    assert_eq!(service.get("/").await.status, StatusCode::OK);
    assert_eq!(service.seen.report().await.outcome, Outcome::Finished);
}
