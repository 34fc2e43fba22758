//! Config stores.

use std::sync::Arc;

use fastlike_runtime::ConfigProvider;

use crate::harness::{Logs, Test, script};

/// As long as a value may be.
fn long() -> String {
    "x".repeat(8000)
}

#[tokio::test]
async fn values_are_found_by_key_and_what_is_not_there_is_told_apart() {
    let logs = Logs::capture();
    let long = long();
    let entries = [("greeting", "hello"), ("empty", ""), ("long", &long)];
    let service = Test::guest("config_store_lookup")
        .config_store("settings", &entries)
        .start()
        .await;
    for _ in 0..2 {
        assert_eq!(service.get("/").await.ok(), "found");
    }
    let warned = logs.with("no such store");
    assert_eq!(warned.len(), 1, "once a name: {warned:?}");
    assert!(
        warned[0].starts_with("WARN") && warned[0].contains("settings"),
        "{warned:?}"
    );
}

#[tokio::test]
async fn a_store_may_compute_its_values() {
    struct Computed;
    impl ConfigProvider for Computed {
        fn get(&self, key: &str) -> Option<Arc<str>> {
            match key {
                "greeting" => Some("hello".into()),
                "empty" => Some("".into()),
                "long" => Some(long().into()),
                _ => None,
            }
        }
    }
    let test = Test::guest("config_store_lookup")
        .with(|builder| builder.config_store_provider("settings", Computed));
    assert_eq!(test.get("/").await.ok(), "found");
}

#[tokio::test]
async fn each_fault_has_the_status_that_the_sdks_expect() {
    for module in ["config_store", "dictionary"] {
        let guest = script(&format!(
            "10: {module}.open '' 8              ; no name
            3: {module}.open 'nowhere' 8
            5: {module}.open 0 256 8             ; too long
            {module}.open 'settings' 8
            10: {module}.get *8 'missing' 64 10 16
            5: {module}.get *8 0 257 64 10 16
            3: {module}.get 99 'key' 64 10 16
            4: {module}.get *8 'key' 64 4 16
            @16 == 5
            {module}.get *8 'key' 64 5 16
            @64 == 'value'"
        ));
        let test = Test::wat(guest).config_store("settings", &[("key", "value")]);
        assert_eq!(test.get("/").await.ok(), "", "{module}");
    }
}
