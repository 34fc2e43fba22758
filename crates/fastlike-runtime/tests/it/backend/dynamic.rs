//! Backends that a guest makes: whose they are, and what they share.

use http::StatusCode;
use tokio::net::TcpListener;

use crate::harness::{Answer, Running, Test, answering, get, raw_origin};

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

async fn ask(guest: &Running, target: &str) -> Answer {
    let mut request = get("/");
    request
        .headers_mut()
        .insert("x-target", target.parse().expect("a value"));
    guest.send(request).await
}

#[tokio::test]
async fn a_guest_makes_a_backend_and_sends_to_it() {
    let url = raw_origin(HELLO).await;
    let target = url.trim_start_matches("http://").to_owned();
    let guest = Test::guest("backend_dynamic").start().await;
    assert_eq!(ask(&guest, &target).await.ok(), "hello");
    // The name is free again in the next run, even for another backend.
    let other = raw_origin(HELLO.replace("hello", "there")).await;
    let other = other.trim_start_matches("http://");
    assert_eq!(ask(&guest, other).await.ok(), "there");
}

#[tokio::test]
async fn where_they_are_not_allowed_the_sdk_says_so() {
    let guest = Test::guest("backend_dynamic").with(|builder| builder.dynamic_backends(false));
    let answer = ask(&guest.start().await, "127.0.0.1:9").await;
    assert_eq!(answer.status, StatusCode::NOT_IMPLEMENTED);
    assert_eq!(answer.text(), "Disallowed");
}

#[tokio::test]
async fn the_name_of_a_configured_backend_is_in_use() {
    let origin = answering(|_| http::Response::new("static"));
    let guest = Test::guest("backend_dynamic").backend("made-at-run-time", origin);
    let answer = ask(&guest.start().await, "127.0.0.1:9").await;
    assert_eq!(answer.status, StatusCode::NOT_IMPLEMENTED);
    assert_eq!(answer.text(), "NameInUse");
}

#[tokio::test]
async fn runs_that_make_the_same_backend_share_its_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let target = listener.local_addr().expect("bound").to_string();
    let serving = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        // One connection only.
        let (mut stream, _) = listener.accept().await.expect("a connection");
        drop(listener);
        while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
            stream.write_all(HELLO.as_bytes()).await.expect("a reader");
        }
    });
    let guest = Test::guest("backend_dynamic").start().await;
    for _ in 0..3 {
        assert_eq!(ask(&guest, &target).await.ok(), "hello");
    }
    serving.abort();
}
