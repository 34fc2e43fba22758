//! Where clients are.

use std::net::IpAddr;

use fastlike_runtime::GeoRecord;

use crate::harness::Test;

#[tokio::test]
async fn without_a_provider_every_address_has_the_same_made_up_place() {
    let service = Test::guest("geo_lookup").start().await;
    let mine = service.get("/").await;
    assert_eq!(mine.line("city"), "Austin");
    assert_eq!(mine.line("as_number"), "64496");
    assert_eq!(mine.line("country_code"), "US");
    assert_eq!(service.get("/?ip=2001:db8::1").await.ok(), mine.ok());
}

#[tokio::test]
async fn a_closure_is_a_provider() {
    let by_client = |ip: IpAddr| match ip.to_string().as_str() {
        "192.0.2.7" => Some(GeoRecord {
            city: "Oslo".into(),
            country_code: "NO".into(),
            latitude: 59.91,
            ..GeoRecord::default()
        }),
        "2001:db8::1" => Some(GeoRecord {
            city: "Lima".into(),
            ..GeoRecord::default()
        }),
        _ => None,
    };
    let service = Test::guest("geo_lookup")
        .with(|builder| builder.geo(by_client))
        .start()
        .await;
    let mine = service.get("/").await;
    assert_eq!(
        (
            mine.line("city"),
            mine.line("country_code"),
            mine.line("latitude")
        ),
        ("Oslo", "NO", "59.91")
    );
    assert_eq!(service.get("/?ip=2001:db8::1").await.line("city"), "Lima");
    assert_eq!(
        service.get("/?ip=198.51.100.9").await.ok(),
        "nothing is known\n"
    );
}
