//! User agents.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastlike_runtime::UserAgent;

use crate::harness::{Test, get};

fn from(agent: &str) -> http::Request<fastlike_runtime::Body> {
    let mut request = get("/");
    request
        .headers_mut()
        .insert("user-agent", agent.parse().expect("a value"));
    request
}

#[tokio::test]
async fn browsers_are_known_by_the_common_rules() {
    let service = Test::guest("uap_parse").start().await;
    let firefox = from(
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:76.0) Gecko/20100101 Firefox/76.1.15",
    );
    assert_eq!(service.send(firefox).await.ok(), "Firefox 76.1.15");
    let chrome = from(
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.55 Safari/537.36",
    );
    assert_eq!(service.send(chrome).await.ok(), "Chrome 126.0.6478");
    assert_eq!(
        service.send(from("no browser at all")).await.ok(),
        "Other .."
    );
    assert_eq!(service.get("/").await.ok(), "Other ..");
}

#[tokio::test]
async fn a_parser_of_ones_own_takes_the_place_of_the_rules() {
    let parser = |agent: &str| UserAgent {
        family: agent.to_uppercase(),
        major: "1".into(),
        ..UserAgent::default()
    };
    let test = Test::guest("uap_parse").with(|builder| builder.user_agent_parser(parser));
    assert_eq!(test.send(from("curl")).await.ok(), "CURL 1..");
}

#[tokio::test]
async fn building_the_rules_takes_no_cpu_time_of_the_guest() {
    const LIMIT: Duration = Duration::from_millis(150);
    let built = AtomicBool::new(false);
    let parser = move |_: &str| {
        #[expect(clippy::disallowed_methods, reason = "the guest's time is no mock")]
        let began = Instant::now();
        while !built.load(Ordering::Relaxed) && began.elapsed() < 4 * LIMIT {
            std::hint::spin_loop();
        }
        built.store(true, Ordering::Relaxed);
        UserAgent::default()
    };
    let service = Test::guest("uap_parse")
        .limits(|limits| limits.cpu = LIMIT)
        .with(|builder| builder.user_agent_parser(parser))
        .start()
        .await;
    assert_eq!(service.get("/").await.ok(), " ..");
}
