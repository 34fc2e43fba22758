//! Where clients are.

use std::net::IpAddr;

use fastlike_runtime::GeoRecord;

use crate::harness::{Test, script};

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

#[tokio::test]
async fn an_address_has_4_or_16_bytes() {
    let guest = script(
        "2: geo.lookup 0 0 64 1000 16
        2: geo.lookup 0 3 64 1000 16
        2: geo.lookup 0 17 64 1000 16
        geo.lookup 0 16 64 1000 16
        4: geo.lookup 0 4 64 10 16",
    );
    assert_eq!(Test::wat(guest).get("/").await.ok(), "");
}
