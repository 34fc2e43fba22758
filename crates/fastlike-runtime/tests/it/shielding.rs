//! Two services in one process that are two POPs.

use fastlike_runtime::{ShieldSite, StartError};
use http::{Request, StatusCode};

use crate::harness::{Answer, Logs, Running, Test, script};

/// `GET target`, which is to be answered at the shield of this name.
async fn ask(pop: &Running, shield: &str, target: &str) -> Answer {
    let request = Request::get(target)
        .header("host", "www.example")
        .header("x-shield", shield)
        .body("")
        .expect("a valid request");
    pop.send(request).await
}

fn at(url: &str) -> ShieldSite {
    ShieldSite::At {
        plain: url.to_owned(),
        tls: url.to_owned(),
    }
}

#[tokio::test]
async fn an_edge_sends_to_its_shield_what_the_shield_answers_itself() {
    let shield = Test::guest("shielding_pops")
        .with(|builder| builder.shield("pdx-or-us", ShieldSite::Running))
        .start()
        .await;
    let server = shield.serve().await;
    let address = server.address;
    let edge = Test::guest("shielding_pops")
        .with(|builder| builder.shield("pdx-or-us", at(&format!("http://{address}"))))
        .start()
        .await;

    let here = ask(&shield, "pdx-or-us", "/page").await;
    assert!(here.ok().starts_with("at the shield: /page"));
    assert_eq!(here.header("x-backend"), "");

    let there = ask(&edge, "pdx-or-us", "/page?plain").await;
    assert!(there.ok().starts_with("at the shield: /page"));
    let port = address.port();
    assert_eq!(
        there.header("x-backend"),
        format!(
            "shield 0 pdx-or-us plain 127.0.0.1:{port} tls false times 15s 10s healthy Unknown"
        )
    );
    let times = ask(&edge, "pdx-or-us", "/page?times").await;
    assert!(times.ok().starts_with("at the shield: /page"));
    assert!(
        times.header("x-backend").contains("times 61.5s 62.5s"),
        "{times:?}"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_shield_has_no_way_to_itself() {
    let shield = Test::guest("shielding_pops")
        .with(|builder| builder.shield("pdx-or-us", ShieldSite::Running))
        .start()
        .await;
    let answer = ask(&shield, "pdx-or-us", "/").await;
    assert_eq!(
        answer.ok(),
        "at the shield: /, tls: Err(FastlyStatus::INVAL)"
    );
}

#[tokio::test]
async fn an_unknown_shield_is_invalid_and_named_once_in_the_log() {
    let logs = Logs::capture();
    let pop = Test::guest("shielding_pops").start().await;
    for _ in 0..2 {
        let answer = ask(&pop, "bfi-wa-us", "/").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.text(), "FastlyStatus::INVAL");
    }
    let lines = logs.with("bfi-wa-us");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("local_server.shielding_sites"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn what_a_shield_is_told_of_fits_the_buffer_or_is_not_written() {
    let guest = script(
        "shielding.shield_info 'here' 64 3 8
        @8 == 3
        @64 == 1
        4: shielding.shield_info 'here' 64 2 12
        @12 == 0
        shielding.shield_info 'there' 64 24 8
        @8 == 24
        @65 == 'http://a:1'
        @76 == 'https://a:2'
        4: shielding.shield_info 'there' 64 23 12
        2: shielding.shield_info 'nowhere' 64 24 8
        2: shielding.backend_for_shield 'http://b' 0 0 64 100 8
        2: shielding.backend_for_shield 'http://a:1' 1 128 64 100 8
        2: shielding.backend_for_shield 'http://a:1' 16 128 64 100 8
        shielding.backend_for_shield 'http://a:1' 0 0 64 100 8
        @64 == 'shield 0 there plain'
        backend.exists 'shield 0 there plain' 8
        @8 == 1
        backend.exists 'shield 1 there plain' 8
        @8 == 0",
    );
    let site = ShieldSite::At {
        plain: "http://a:1".to_owned(),
        tls: "https://a:2".to_owned(),
    };
    let test = Test::wat(guest).with(|builder| {
        let builder = builder.shield("here", ShieldSite::Running);
        builder.shield("there", site)
    });
    let pop = test.start().await;
    assert_eq!(pop.get("/").await.ok(), "");
    // The names are the run's own.
    assert_eq!(pop.get("/").await.ok(), "");
}

#[tokio::test]
async fn a_shield_that_cannot_be_is_told_at_the_start() {
    let build = |name: &'static str, site| {
        let test = Test::wat("(module (func (export \"_start\")))");
        test.with(move |builder| builder.shield(name, site)).build()
    };
    let Err(StartError::Settings(error)) = build("pdx", at("nowhere")).await else {
        panic!("the URL is none");
    };
    assert!(error.starts_with("shield \"pdx\": \"nowhere\""), "{error}");
    let Err(StartError::Settings(error)) = build("", ShieldSite::Running).await else {
        panic!("the name is empty");
    };
    assert!(error.starts_with("a shield's name has 1 to"), "{error}");
}
