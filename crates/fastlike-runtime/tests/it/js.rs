//! A program in JavaScript, built by the official compiler.

use http::{Response, StatusCode};

use crate::harness::{Logs, Test, answering, request};

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

#[tokio::test]
async fn a_javascript_program_finds_its_stores_and_its_clients_device() {
    use fastlike_runtime::AclEntry;

    let Some(test) = Test::guest_if_built("js_stores") else {
        return;
    };
    let block = AclEntry::parse("192.0.2.0/24", "BLOCK").expect("an entry");
    let service = test
        .config_store("settings", &[("greeting", "hello")])
        .with(|builder| {
            builder
                .secret_store("keys", [("password", "hüsh")])
                .acl("clients", [block])
        })
        .start()
        .await;
    let mut asked = request("GET", "/", "");
    let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 \
                  (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1";
    let headers = asked.headers_mut();
    headers.insert("user-agent", iphone.parse().expect("a value"));
    let answer = service.send(asked).await;
    let told: serde_json::Value = serde_json::from_str(answer.ok()).expect("JSON");
    let expected = serde_json::json!({
        "greeting": "hello",
        "missing": null,
        "password": "hüsh",
        "bytes": 5,
        "made": "mine",
        "no_secret": null,
        "client": { "prefix": "192.0.2.0/24", "action": "BLOCK" },
        "stranger": null,
        "device": {
            "name": "iPhone",
            "brand": "Apple",
            "model": "iPhone",
            "hardwareType": "Mobile Phone",
            "isMobile": true,
            "isTablet": false,
            "isDesktop": false,
            "isTouchscreen": true,
            "isBot": false,
        },
        "nobody": null,
        "no_store": "TypeError",
        "no_acl": "TypeError",
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_javascript_program_limits_rates() {
    let Some(test) = Test::guest_if_built("js_rate_limiter") else {
        return;
    };
    let service = test.start().await;
    // All within a window of ten seconds, however long they take.
    tokio::time::pause();
    let blocked = async || service.get("/check").await.line("blocked") == "true";
    for _ in 0..10 {
        assert!(!blocked().await);
    }
    assert!(blocked().await);
    let known = service.get("/").await;
    assert_eq!(known.line("blocked"), "true");
    assert_eq!(known.line("rate"), "1");
    assert_eq!(known.line("count"), "11");
}

#[tokio::test]
async fn a_javascript_program_logs_and_purges() {
    let Some(test) = Test::guest_if_built("js_logs") else {
        return;
    };
    let logs = Logs::capture();
    let service = test.start().await;
    let answer = service.get("/page?q").await;
    let told: serde_json::Value = serde_json::from_str(answer.ok()).expect("JSON");
    let expected = serde_json::json!({
        "host": "localhost",
        "computed": true,
        "reserved": "Error",
    });
    assert_eq!(told, expected);
    let events = |line: &str| ("events".to_owned(), line.as_bytes().to_vec());
    assert_eq!(
        service.seen.logged(),
        [events("GET /page"), events("two\nlines, ünd more")]
    );
    assert_eq!(service.seen.stdout_lines(), ["a note"]);
    assert_eq!(service.seen.stderr_lines(), ["a complaint"]);
    assert_eq!(logs.with("nothing is cached here yet").len(), 1);
}
