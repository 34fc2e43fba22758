//! Requests that come back to the service that sent them.

use fastlike_runtime::{Identity, Outcome};
use http::StatusCode;

use crate::harness::{Answer, Running, Test, answering, get, origin_at, script};

async fn service(id: &str) -> Running {
    let mut identity = Identity::default();
    identity.service_id = Some(id.to_owned());
    let origin = answering(|request| {
        let hops = request.headers().get_all("cdn-loop").iter();
        let hops: Vec<_> = hops
            .map(|hop| hop.to_str().expect("text").to_owned())
            .collect();
        http::Response::new(hops.join(", "))
    });
    let test = Test::guest("proxy").backend("origin", origin);
    test.with(|builder| builder.identity(identity))
        .start()
        .await
}

async fn sent_with(service: &Running, hops: &str) -> crate::harness::Answer {
    let mut asked = get("/");
    asked
        .headers_mut()
        .insert("cdn-loop", hops.parse().expect("a value"));
    service.send(asked).await
}

#[tokio::test]
async fn a_bare_token_or_ones_own_id_is_a_loop() {
    let service = service("mine").await;
    for hops in [
        "fastlike",
        "fastly, fastlike",
        "fastlike; id=\"mine\"",
        "a, fastlike;id=mine, b",
    ] {
        let answer = sent_with(&service, hops).await;
        assert_eq!(answer.status, StatusCode::LOOP_DETECTED, "{hops}");
        assert!(
            answer.text().starts_with("Loop detected"),
            "{}",
            answer.text()
        );
        assert_eq!(
            service.seen.report().await.outcome,
            Outcome::Looped,
            "{hops}"
        );
    }
}

#[tokio::test]
async fn other_services_may_have_sent_a_request_up_to_twenty_times() {
    let service = service("mine").await;
    let hops = |n: usize| vec!["fastlike; id=\"other\""; n].join(", ");
    let answer = sent_with(&service, &hops(20)).await;
    assert_eq!(
        answer.ok(),
        format!("{}, fastlike; id=\"mine\"; pop=\"DEV\"", hops(20))
    );
    assert_eq!(
        sent_with(&service, &hops(21)).await.status,
        StatusCode::LOOP_DETECTED
    );
    assert_eq!(
        sent_with(&service, "cloudflare").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_service_whose_backend_is_itself_answers_508() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let origin = origin_at(&url);
    // Without an id of its own.
    let service = Test::guest("proxy").backend("origin", origin).start().await;
    let serving = service.fastlike.clone();
    tokio::spawn(async move { serving.serve(listener, std::future::pending()).await });
    let answer = service.get("/").await;
    assert_eq!(answer.status, StatusCode::LOOP_DETECTED);
    let outcomes = [
        service.seen.report().await.outcome,
        service.seen.report().await.outcome,
    ];
    assert_eq!(outcomes, [Outcome::Looped, Outcome::Finished]);
}

/// The same service at a POP.
fn at(pop: &str) -> Identity {
    let mut identity = Identity::default();
    identity.service_id = Some("everywhere".to_owned());
    pop.clone_into(&mut identity.pop);
    identity
}

/// Answers 200 if it was visited as often as said.
fn counts(this_service: u32, this_pop: u32) -> Test {
    let lines = format!(
        "\
http_downstream.downstream_visits_this_service 8
@8 == {this_service}
http_downstream.downstream_visits_this_pop 8
@8 == {this_pop}"
    );
    Test::wat(script(&lines)).with(|builder| builder.identity(at("LIS")))
}

#[tokio::test]
async fn a_program_is_told_how_often_a_request_came_through() {
    let first = counts(0, 0).get("/").await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    let mut back = get("/");
    let hops =
        "fastlike; id=\"other\"; pop=\"LIS\", fastlike-fanout; id=\"everywhere\"; pop=\"LIS\"";
    back.headers_mut()
        .insert("cdn-loop", hops.parse().expect("a value"));
    let service = counts(1, 2).start().await;
    let again = Answer::of(service.begin(back).await).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text());
}

#[tokio::test]
async fn a_service_at_two_pops_visits_itself_and_does_not_loop() {
    let shield = counts(1, 0).start().await.serve().await;
    let origin = origin_at(&format!("http://{}", shield.address));
    let edge = Test::guest("proxy").backend("origin", origin);
    let edge = edge.with(|builder| builder.identity(at("OPO")));
    let answer = edge.get("/").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    shield.stop().await;
}
