//! A program in JavaScript, built by the official compiler.

use http::{Response, StatusCode};

use crate::harness::{Test, answering, request};

#[tokio::test]
async fn a_javascript_program_fetches_from_its_origin() {
    let Some(test) = Test::guest_if_built("js_proxy") else {
        return;
    };
    let origin = answering(|request| {
        assert_eq!(request.headers()["x-from"], "the client");
        let response = Response::builder()
            .status(StatusCode::IM_A_TEAPOT)
            .header("x-origin", "yes");
        response
            .body(format!("{} {}", request.method(), request.uri()))
            .expect("a response")
    });
    let service = test.backend("origin", origin).start().await;
    let mut asked = request("GET", "/path?q=1", "");
    asked
        .headers_mut()
        .insert("x-from", "the client".parse().expect("a value"));
    let answer = service.send(asked).await;
    assert_eq!(answer.ok(), "GET HTTP://WWW.EXAMPLE/PATH?Q=1");
    assert_eq!(answer.header("x-origin-status"), "418");
    assert_eq!(answer.header("x-served-by"), "js");
    assert_eq!(answer.header("x-origin"), "yes");

    let alone = service.get("/no-origin").await;
    assert_eq!(alone.ok(), "hello from JavaScript, 192.0.2.7");
}

#[tokio::test]
async fn a_javascript_program_learns_that_its_backend_is_unknown() {
    let Some(test) = Test::guest_if_built("js_proxy") else {
        return;
    };
    let answer = test.get("/path").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn large_bodies_pass_through_a_javascript_program() {
    let Some(test) = Test::guest_if_built("js_proxy") else {
        return;
    };
    let origin = answering(|request| Response::new(request.into_body()));
    let service = test.backend("origin", origin).start().await;
    let text = "large ".repeat(100_000);
    let answer = service.send(request("POST", "/", text.clone())).await;
    assert!(
        answer.ok() == text.to_uppercase(),
        "{} bytes",
        answer.body.len()
    );
}
