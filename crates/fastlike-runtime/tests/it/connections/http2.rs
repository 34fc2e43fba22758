//! HTTP/2 clients that keep the rules.

use std::time::Duration;

use fastlike_runtime::{Body, Outcome};
use http::{Request, Response};
use http_body_util::BodyExt as _;

use crate::harness::http2::{END_HEADERS, END_STREAM, GET, HEADERS, frame, text};
use crate::harness::{ByHand, H2, RawH2, Test, answering, soon};

const SHORT: Duration = Duration::from_millis(500);

fn post(url: &str, body: Body) -> Request<Body> {
    Request::post(url).body(body).expect("valid")
}

#[tokio::test]
async fn one_listener_speaks_both_versions() {
    let server = Test::guest("http_req_reading").start().await.serve().await;
    let client = H2::connect(&server).await;
    let (status, body, _) = client
        .send(post("http://www.example/a?b=c", text("hi")))
        .await;
    assert_eq!(status, 200);
    let seen: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(seen["version"], "HTTP/2.0");
    assert_eq!(seen["url"], "http://www.example/a?b=c");
    assert_eq!(seen["headers"]["host"], serde_json::json!(["www.example"]));
    assert_eq!(seen["body"], "hi");
    let old = server
        .exchange("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await;
    assert!(old.contains("HTTP/1.1"), "{old}");
}

#[tokio::test]
async fn streams_of_one_connection_run_side_by_side() {
    let (origin, backend) = ByHand::new();
    let test = Test::guest("proxy").backend("origin", backend);
    let server = test.start().await.serve().await;
    let client = H2::connect(&server).await;
    let get = |path: &str| {
        let request = Request::get(format!("http://a/{path}")).body(Body::empty());
        client.begin(request.expect("valid"))
    };
    let (first, second) = (get("1"), get("2"));
    let mut asked = vec![origin.asked().await, origin.asked().await];
    asked.sort_by_key(|asked| asked.request.uri().path().to_owned());
    let (of_second, of_first) = (asked.pop().expect("two"), asked.pop().expect("two"));
    of_second.answer(Response::new("second"));
    let second = soon("the second answer", second).await.expect("no panic");
    let body = second.expect("an answer").into_body().collect().await;
    assert_eq!(body.expect("whole").to_bytes(), "second");
    assert!(!first.is_finished());
    of_first.answer(Response::new("first"));
    assert!(soon("the first", first).await.expect("no panic").is_ok());
}

#[tokio::test]
async fn large_bodies_pass_in_both_directions() {
    let origin = answering(|request| Response::new(request.into_body()));
    let test = Test::guest("proxy").backend("origin", origin);
    let server = test.start().await.serve().await;
    let client = H2::connect(&server).await;
    let sent = "0123456789".repeat(300_000);
    let (status, body, _) = client.send(post("http://a/", text(&sent))).await;
    assert_eq!(status, 200);
    assert!(body == sent, "{} of {} bytes", body.len(), sent.len());
}

#[tokio::test]
async fn trailers_reach_the_client() {
    let server = Test::guest("http_body_trailers")
        .start()
        .await
        .serve()
        .await;
    let client = H2::connect(&server).await;
    let (_, body, trailers) = client.get("http://a/").await;
    assert_eq!(
        (body.as_str(), &trailers["x-sum"]),
        ("the body", &"8".parse().expect("a value"))
    );
}

#[tokio::test]
async fn a_request_that_its_client_gives_up_ends_its_guest_and_no_other() {
    let (origin, backend) = ByHand::new();
    let service = Test::guest("proxy")
        .backend("origin", backend)
        .start()
        .await;
    let server = service.serve().await;
    let client = H2::connect(&server).await;
    let given_up = client.begin(post("http://a/1", Body::empty()));
    let mut asked = origin.asked().await;
    let kept = client.begin(post("http://a/2", Body::empty()));
    let other = origin.asked().await;
    given_up.abort();
    asked.given_up().await;
    assert_eq!(service.seen.report().await.outcome, Outcome::Cancelled);
    assert!(other.answer(Response::new("kept")), "still wanted");
    assert!(soon("an answer", kept).await.expect("no panic").is_ok());
}

#[tokio::test]
async fn a_connection_that_breaks_ends_all_its_guests() {
    let (origin, backend) = ByHand::new();
    let service = Test::guest("proxy")
        .backend("origin", backend)
        .start()
        .await;
    let server = service.serve().await;
    let mut client = RawH2::connect(&server, &[]).await;
    for stream in [1, 3] {
        client
            .write(&frame(HEADERS, END_HEADERS | END_STREAM, stream, GET))
            .await;
    }
    let (mut one, mut two) = (origin.asked().await, origin.asked().await);
    drop(client);
    one.given_up().await;
    two.given_up().await;
}

#[tokio::test]
async fn shutting_down_lets_running_streams_end_and_takes_no_more() {
    let (origin, backend) = ByHand::new();
    let service = Test::guest("proxy")
        .backend("origin", backend)
        .start()
        .await;
    let server = service.serve().await;
    let client = H2::connect(&server).await;
    let request = client.begin(post("http://a/", Body::empty()));
    let asked = origin.asked().await;
    let stopping = tokio::spawn(server.stop());
    // GOAWAY has arrived when the client has no more requests to give.
    let refused = async {
        loop {
            let request = client.begin(post("http://a/", Body::empty()));
            if request.await.expect("no panic").is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = refused => {}
        // A request from before the GOAWAY arrived.
        early = origin.asked() => drop(early),
    }
    assert!(!stopping.is_finished());
    asked.answer(Response::new("the last answer"));
    let response = soon("an answer", request).await.expect("no panic");
    let body = response.expect("an answer").into_body().collect().await;
    assert_eq!(body.expect("whole").to_bytes(), "the last answer");
    drop(client);
    soon("the end of the server", stopping)
        .await
        .expect("no panic");
}

#[tokio::test]
async fn shutting_down_cuts_off_streams_that_do_not_end_in_time() {
    let (origin, backend) = ByHand::new();
    let test = Test::guest("proxy").backend("origin", backend);
    let service = test.limits(|limits| limits.drain = SHORT).start().await;
    let server = service.serve().await;
    let client = H2::connect(&server).await;
    let request = client.begin(post("http://a/", Body::empty()));
    let mut asked = origin.asked().await;
    server.stop().await;
    asked.given_up().await;
    assert!(soon("an end", request).await.expect("no panic").is_err());
    assert_eq!(service.seen.report().await.outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn a_connection_without_streams_is_closed_after_a_while() {
    let test = Test::guest("hello").limits(|limits| limits.client_idle_timeout = 5 * SHORT);
    let server = test.start().await.serve().await;
    let client = H2::connect(&server).await;
    assert_eq!(client.get("http://a/").await.1, "hello");
    soon("the end", client.connection)
        .await
        .expect("no panic")
        .expect("a clean end");
}

#[tokio::test]
async fn a_tunnel_is_refused_and_the_connection_goes_on() {
    let server = Test::guest("hello").start().await.serve().await;
    let client = H2::connect(&server).await;
    let connect = Request::connect("a.example:443").body(Body::empty());
    let (status, text, _) = client.send(connect.expect("valid")).await;
    assert_eq!(status, 501, "{text}");
    assert_eq!(client.get("http://a/").await.1, "hello");
}

#[tokio::test]
async fn a_request_has_one_host() {
    let server = Test::guest("hello").start().await.serve().await;
    let client = H2::connect(&server).await;
    for (host, expected) in [("a", 200), ("b", 400)] {
        let request = Request::get("http://a/").header("host", host);
        let (status, text, _) = client
            .send(request.body(Body::empty()).expect("valid"))
            .await;
        assert_eq!(status, expected, "{text}");
    }
}

#[tokio::test]
async fn heads_have_the_answer_to_head_and_no_content() {
    let server = Test::guest("hello").start().await.serve().await;
    let client = H2::connect(&server).await;
    let request = Request::head("http://a/")
        .body(Body::empty())
        .expect("valid");
    let response = soon("a response", client.begin(request)).await;
    let response = response.expect("no panic").expect("a response");
    assert_eq!(response.headers()["content-length"], "5");
    let body = response.into_body().collect().await.expect("whole");
    assert!(body.to_bytes().is_empty());
}

#[tokio::test]
async fn a_guest_knows_how_its_client_began() {
    let server = Test::guest("http_downstream_metadata")
        .start()
        .await
        .serve()
        .await;
    let client = H2::connect(&server).await;
    let (_, body, _) = client.get("http://a/").await;
    let line = body
        .lines()
        .find(|line| line.starts_with("h2_fingerprint: "));
    let line = line.expect("a fingerprint");
    // Settings, window, no priorities, and pseudo-headers as hyper orders them.
    assert!(line.starts_with("h2_fingerprint: Some(\"2:0;4:"), "{line}");
    assert!(line.ends_with("|0|m,s,a,p\")"), "{line}");
    let (_, again, _) = client.get("http://a/").await;
    assert!(again.contains(line), "the same for each request");
}
