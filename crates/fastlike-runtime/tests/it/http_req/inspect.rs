//! What a firewall says of requests.

use fastlike_runtime::{Inspection, Verdict};

use crate::harness::{Logs, Test, request, script};

#[tokio::test]
async fn without_an_inspector_everything_is_allowed() {
    let answer = Test::guest("http_req_inspect")
        .get("/?corp=c&workspace=w")
        .await;
    assert_eq!(answer.ok(), "Allow 200 None [] 0ns");
}

#[tokio::test]
async fn the_verdict_is_the_inspectors() {
    let inspect = |inspection: &Inspection<'_>| {
        let client = inspection.client_ip.map(|ip| ip.to_string());
        let seen = format!(
            "{} {} {:?} {}/{} {}",
            inspection.method,
            inspection.uri,
            inspection.length,
            inspection.corp,
            inspection.workspace,
            client.unwrap_or_default(),
        );
        let verdict = if inspection.headers.contains_key("x-attack") {
            Verdict::block(302).redirect("https://example.com/blocked")
        } else {
            Verdict::block(406)
        };
        verdict.tag("SQLI").tag(seen)
    };
    let service = Test::guest("http_req_inspect")
        .with(|builder| builder.inspector(inspect))
        .start()
        .await;
    let blocked = service
        .send(request("POST", "/?corp=c&workspace=w", "four"))
        .await;
    assert_eq!(
        blocked.ok(),
        "Block 406 None [\"SQLI\", \"POST http://www.example/?corp=c&workspace=w Some(4) c/w 192.0.2.7\"] 0ns"
    );
    let other = service.get("/?corp=c&workspace=w&ip=2001:db8::1").await;
    assert!(other.ok().contains("c/w 2001:db8::1"), "{}", other.text());
    let mut attack = request("GET", "/?corp=c&workspace=w", "");
    let headers = attack.headers_mut();
    headers.insert("x-attack", "1".parse().expect("a value"));
    let redirected = service.send(attack).await;
    assert_eq!(redirected.status, 302);
    assert_eq!(redirected.header("location"), "https://example.com/blocked");
}

#[tokio::test]
async fn an_inspection_without_corp_or_room_is_an_error_of_the_sdk() {
    let service = Test::guest("http_req_inspect").start().await;
    for target in ["/", "/?corp=c", "/?workspace=w", "/?corp=&workspace=w"] {
        let answer = service.get(target).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (400, "InvalidConfig")
        );
    }
    let answer = service.get("/?corp=c&workspace=w&buffer=5").await;
    assert_eq!(answer.text(), "BufferSizeError(5)");
}

#[tokio::test]
async fn handles_are_looked_at_first_and_stay_as_they_are() {
    let guest = script(
        "http_req.body_downstream_get 0 4
        3: http_req.inspect 77 *4 0 0 64 100 8
        3: http_req.inspect *0 77 0 0 64 100 8
        2: http_req.inspect *0 *4 0 0 64 100 8
        http_req.close *0
        http_body.close *4",
    );
    assert_eq!(Test::wat(guest).get("/").await.ok(), "");
}

#[tokio::test]
async fn what_is_privileged_is_not_supported_and_says_so_once() {
    let logs = Logs::capture();
    let guest = script(
        "http_req.body_downstream_get 0 4
        5: http_req.on_behalf_of *0 'service'
        3: http_req.on_behalf_of 77 'service'
        5: http_req.upgrade_websocket 'origin'",
    );
    let service = Test::wat(guest).start().await;
    assert_eq!(service.get("/").await.ok(), "");
    assert_eq!(service.get("/").await.ok(), "");
    for function in ["on_behalf_of", "upgrade_websocket"] {
        let lines = logs.with(function);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("is privileged"), "{lines:?}");
    }
}
