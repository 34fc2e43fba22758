//! Device detection.

use std::time::Duration;

use fastlike_runtime::DeviceRecord;

use crate::harness::{Answer, Running, Test, get};

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) \
    AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1";

async fn asked(guest: &Running, user_agent: &str) -> Answer {
    let mut request = get("/");
    let user_agent = user_agent.parse().expect("a value");
    request.headers_mut().insert("user-agent", user_agent);
    guest.send(request).await
}

#[tokio::test]
async fn a_program_is_told_what_can_be_derived_of_a_user_agent() {
    let guest = Test::guest("device_detection_lookup").start().await;
    let expected = "\
device_name: Some(\"iPhone\")
brand: Some(\"Apple\")
model: Some(\"iPhone\")
hwtype: Some(\"Mobile Phone\")
is_ereader: Some(false)
is_gameconsole: Some(false)
is_mediaplayer: Some(false)
is_mobile: Some(true)
is_smarttv: Some(false)
is_tablet: Some(false)
is_tvplayer: Some(false)
is_desktop: Some(false)
is_touchscreen: Some(true)
user_agent_name: Some(\"Mobile Safari\")
user_agent_major_version: Some(\"17\")
is_bot: Some(false)
bot_name: None
is_identified: Some(true)
os_name: Some(\"iOS\")
os_major_version: Some(\"17\")
";
    assert_eq!(asked(&guest, IPHONE).await.ok(), expected);
    // What is not known is absent, and not false.
    let curl = asked(&guest, "curl/8.5.0").await;
    assert_eq!(curl.line("is_mobile"), "None");
    assert_eq!(curl.line("device_name"), "None");
    assert_eq!(curl.line("is_identified"), "Some(false)");
    assert_eq!(asked(&guest, "no browser").await.ok(), "unknown");
}

#[tokio::test]
async fn a_configured_user_agent_counts_before_what_is_derived() {
    let mut record = DeviceRecord::default();
    record.device.name = Some("a test phone".to_owned());
    let guest = Test::guest("device_detection_lookup")
        .with(|builder| builder.device(IPHONE, &record))
        .start()
        .await;
    let phone = asked(&guest, IPHONE).await;
    assert_eq!(phone.line("device_name"), "Some(\"a test phone\")");
    assert_eq!(phone.line("brand"), "None");
    // Only exactly this one.
    let other = asked(&guest, &format!("{IPHONE} x")).await;
    assert_eq!(other.line("brand"), "Some(\"Apple\")");
}

#[tokio::test]
async fn building_the_rules_takes_no_cpu_time_of_the_guest() {
    // They take longer than this.
    let guest = Test::guest("device_detection_lookup")
        .limits(|limits| limits.cpu = Duration::from_millis(150))
        .start()
        .await;
    let phone = asked(&guest, IPHONE).await;
    assert_eq!(phone.line("brand"), "Some(\"Apple\")");
}

#[tokio::test]
async fn another_detector_can_take_the_place_of_the_rules() {
    let guest = Test::guest("device_detection_lookup")
        .with(|builder| {
            builder.device_detector(|user_agent: &str| {
                let mut record = DeviceRecord::default();
                record.device.model = Some(user_agent.to_uppercase());
                (user_agent != "nobody").then_some(record)
            })
        })
        .start()
        .await;
    assert_eq!(
        asked(&guest, "model t").await.line("model"),
        "Some(\"MODEL T\")"
    );
    assert_eq!(asked(&guest, "nobody").await.ok(), "unknown");
}
