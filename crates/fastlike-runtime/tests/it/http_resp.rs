//! Answers to the client.

mod framing;
mod hints;

use fastlike_runtime::{BodyError, Outcome};
use http::StatusCode;

use crate::harness::{Test, frame, get, script};

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

#[tokio::test]
async fn a_second_answer_is_an_error_and_the_first_one_stands() {
    let guest = script(
        "http_resp.new 0
        http_body.new 4
        http_resp.status_set *0 201
        http_resp.send_downstream *0 *4 0
        http_resp.new 0
        http_body.new 4
        http_resp.status_set *0 404
        1: http_resp.send_downstream *0 *4 0
        3: http_resp.close *0         ; gone although the call failed
        3: http_body.close *4",
    );
    let service = Test::wat(guest).start().await;
    assert_eq!(service.get("/").await.status, StatusCode::CREATED);
    assert_eq!(service.seen.report().await.outcome, Outcome::Finished);
}

#[tokio::test]
async fn hints_come_before_the_answer_and_other_informational_statuses_are_refused() {
    let send = |status: u16, expected: u32| {
        format!(
            "http_resp.new 0
            http_body.new 4
            http_resp.status_set *0 {status}
            {expected}: http_resp.send_downstream *0 *4 0\n"
        )
    };
    let all = [(103, 0), (103, 0), (100, 2), (101, 2), (200, 0), (103, 1)];
    let lines = all
        .map(|(status, expected)| send(status, expected))
        .concat();
    let service = Test::wat(script(&lines)).start().await;
    assert_eq!(service.get("/").await.status, StatusCode::OK);
    assert_eq!(service.seen.report().await.outcome, Outcome::Finished);
}

#[tokio::test]
async fn a_status_has_three_digits() {
    let guest = script(
        "http_resp.new 0
        2: http_resp.status_set *0 99
        2: http_resp.status_set *0 1000
        2: http_resp.status_set *0 65536
        http_resp.status_set *0 999
        http_resp.status_get *0 8
        @8 == 999
        http_body.new 4
        http_resp.send_downstream *0 *4 0",
    );
    assert_eq!(Test::wat(guest).get("/").await.status.as_u16(), 999);
}

#[tokio::test]
async fn a_streamed_body_is_written_under_its_old_handle_and_closed_once() {
    let guest = script(
        "http_resp.new 0
        http_body.new 4
        http_body.write *4 'before ' 0 8
        http_resp.send_downstream *0 *4 1
        http_body.write *4 'after' 0 8
        @8 == 5
        3: http_body.write *4 'front' 1 8   ; a write end has no front
        3: http_body.read *4 64 10 8
        10: http_body.known_length *4 8
        http_body.close *4
        3: http_body.write *4 'more' 0 8
        3: http_resp.close *0",
    );
    let service = Test::wat(guest).start().await;
    assert_eq!(service.get("/").await.ok(), "before after");
    assert_eq!(service.seen.report().await.outcome, Outcome::Finished);
}

#[tokio::test]
async fn a_guest_that_ends_without_closing_its_answer_leaves_it_truncated() {
    let begin = "http_resp.new 0
        http_body.new 4
        http_resp.send_downstream *0 *4 1
        http_body.write *4 'the beginning' 0 8\n";
    // By returning, and by a line that does not hold.
    for end in ["", "3: http_body.new 8"] {
        let answer = Test::wat(script(&format!("{begin}{end}"))).get("/").await;
        assert_eq!((answer.text(), answer.truncated), ("the beginning", true));
    }
}
