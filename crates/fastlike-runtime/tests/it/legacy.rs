//! Programs of the first years, whose imports have other names.

use fastlike_runtime::{UserAgent, backend_fn};
use http::{Response, StatusCode};

use crate::harness::{Test, answering, request, text_of};

#[tokio::test]
async fn the_sdk_of_2020_proxies() {
    let origin = backend_fn(|request| async move {
        let (head, body) = request.into_parts();
        let many: Vec<_> = head.headers.get_all("x-many").iter().cloned().collect();
        assert_eq!(many, ["one", "two"]);
        assert_eq!(head.headers["x-from"], "legacy");
        let response = Response::builder().status(201).header("x-origin", "yes");
        let said = format!(
            "{} {}: {}",
            head.method,
            head.uri.path(),
            text_of(body).await.expect("whole")
        );
        response.body(said).expect("a valid response")
    });
    let mut asked = request("POST", "/path", "posted");
    for value in ["one", "two"] {
        asked
            .headers_mut()
            .append("x-many", value.parse().expect("a value"));
    }
    let answer = Test::guest("legacy_proxy")
        .backend("origin", origin)
        .send(asked)
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(answer.text(), "before\nPOST /path: posted\nafter");
    assert_eq!(answer.header("x-origin"), "yes");
    assert_eq!(answer.header("x-legacy-method"), "POST");
    assert_eq!(answer.header("x-legacy-headers"), "3");
}

#[tokio::test]
async fn the_sdk_of_2020_looks_up_its_client() {
    let parser = |agent: &str| UserAgent {
        family: agent.to_owned(),
        major: "1".into(),
        minor: "2".into(),
        ..UserAgent::default()
    };
    let test = Test::guest("legacy_lookups").with(|builder| builder.user_agent_parser(parser));
    let mut asked = request("GET", "/", "");
    asked
        .headers_mut()
        .insert("user-agent", "test".parse().expect("a value"));
    let answer = test.send(asked).await;
    assert_eq!(answer.line("client"), "Some(192.0.2.7)");
    assert_eq!(answer.line("city"), "Austin");
    assert_eq!(answer.line("headers"), "host, user-agent");
    assert!(
        answer.line("browser").starts_with("test "),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_backend_of_the_users_own_may_answer_for_places() {
    let nowhere = answering(|_| {
        Response::builder()
            .status(404)
            .body(())
            .expect("a response")
    });
    let answer = Test::guest("legacy_lookups")
        .backend("geolocation", nowhere)
        .get("/")
        .await;
    assert_eq!(answer.line("city"), "nowhere");
}
