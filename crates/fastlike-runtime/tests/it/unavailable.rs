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
    for refused in [
        "core_cache_lookup",
        "core_cache_insert",
        "simple_cache_get",
        "shield",
    ] {
        assert!(
            first.line(refused).starts_with("Err("),
            "{refused}: {}",
            first.line(refused)
        );
    }

    let lines = logs.with("fastly_cache::lookup");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with("WARN") && lines[0].contains("not available yet"),
        "{lines:?}"
    );
}
