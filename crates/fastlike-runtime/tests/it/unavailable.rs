//! Functions that are not available yet: guests survive them, and operators learn of them.

use crate::harness::{Logs, Test};

#[tokio::test]
async fn a_missing_feature_is_an_error_or_nothing_and_is_named_once_in_the_log() {
    let logs = Logs::capture();
    let service = Test::guest("unavailable_features").start().await;
    let first = service.get("/").await;
    let second = service.get("/").await;
    assert_eq!(first.ok(), second.ok());

    assert_eq!(first.line("kv_store"), "Err(StoreNotFound(\"store\"))");
    assert!(first.line("secret_store").starts_with("Err("));
    assert!(first.line("acl").starts_with("Err("));
    assert_eq!(first.line("device_detection"), "Ok(false)");
    for refused in [
        "core_cache_lookup",
        "core_cache_insert",
        "simple_cache_get",
        "purge",
        "rate_counter_increment",
        "penalty_box_has",
        "shield",
    ] {
        assert!(
            first.line(refused).starts_with("Err("),
            "{refused}: {}",
            first.line(refused)
        );
    }

    for function in [
        "fastly_kv_store::open",
        "fastly_acl::open",
        "fastly_purge::purge_surrogate_key",
        "fastly_erl::ratecounter_increment",
    ] {
        let lines = logs.with(function);
        assert_eq!(lines.len(), 1, "{function}: {lines:?}");
        assert!(
            lines[0].starts_with("WARN") && lines[0].contains("not available yet"),
            "{lines:?}"
        );
    }
}
