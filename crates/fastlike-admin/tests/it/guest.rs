//! What is written here is what a program reads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::harness::{guest, serve};

#[tokio::test]
async fn a_program_reads_what_was_written() {
    let served = serve(guest("stores_by_path")).await;
    assert_eq!(served.client("/kv/s/k").await.0, 404);
    served
        .json("POST /resources/stores/kv", json!({ "name": "s" }))
        .await;
    served
        .send(
            "PUT /resources/stores/kv/s/keys/k",
            &["metadata: m"],
            b"value",
        )
        .await;
    assert_eq!(served.client("/kv/s/k").await, (200, "value".to_owned()));

    assert_eq!(served.client("/config/s/k").await.0, 404);
    served.form("POST /resources/stores/config", "name=s").await;
    served
        .form(
            "PUT /resources/stores/config/s/item/k",
            "item_value=configured",
        )
        .await;
    assert_eq!(
        served.client("/config/s/k").await,
        (200, "configured".to_owned())
    );

    served
        .json("POST /resources/stores/secret", json!({ "name": "s" }))
        .await;
    let secret = json!({ "name": "k", "secret": STANDARD.encode("hush") });
    served
        .json("POST /resources/stores/secret/s/secrets", secret)
        .await;
    assert_eq!(served.client("/secret/s/k").await, (200, "hush".to_owned()));

    served
        .json("POST /resources/acls", json!({ "name": "s" }))
        .await;
    let entry = json!({ "op": "create", "prefix": "192.0.2.0/24", "action": "BLOCK" });
    served
        .json(
            "PATCH /resources/acls/s/entries",
            json!({ "entries": [entry] }),
        )
        .await;
    let (status, found) = served.client("/acl/s/192.0.2.7").await;
    assert!(
        status == 200 && found.starts_with("192.0.2.0/24"),
        "{status} {found}"
    );
}

#[tokio::test]
async fn the_service_that_is_current_is_written_to() {
    let served = serve(guest("stores_by_path").config_store("s", [("k", "old")])).await;
    let put = "PUT /resources/stores/config/s/item/k";
    served.form(put, "item_value=changed").await;
    assert_eq!(served.client("/config/s/k").await.1, "changed");
    let state = served.current.get().state().clone();
    served
        .json("POST /resources/stores/kv", json!({ "name": "s" }))
        .await;
    served
        .send("PUT /resources/stores/kv/s/keys/k", &[], b"kept")
        .await;

    let newer = guest("stores_by_path")
        .state(state)
        .config_store("s", [("k", "new")]);
    let newer = newer.observer(served.metrics.clone()).build().await;
    served.current.replace(newer.expect("a service"));
    assert_eq!(served.client("/config/s/k").await.1, "new");
    assert_eq!(served.client("/kv/s/k").await.1, "kept");
    served.form(put, "item_value=changed+again").await;
    assert_eq!(served.client("/config/s/k").await.1, "changed again");
}
