//! Config stores, secret stores, ACLs and purging.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{serve, silent};

#[tokio::test]
async fn a_config_store_is_filled_item_by_item() {
    let served = serve(silent().config_store("old", [("k", "v")])).await;
    let (status, made) = served
        .form("POST /resources/stores/config", "name=new")
        .await;
    assert_eq!((status, &made["id"]), (200, &json!("new")));
    assert_eq!(made["deleted_at"], Value::Null);
    assert_eq!(
        served
            .form("POST /resources/stores/config", "name=new")
            .await
            .0,
        409
    );
    assert_eq!(
        served
            .form("POST /resources/stores/config", "nam=new")
            .await
            .0,
        400
    );
    let all = served.get("/resources/stores/config").await.json();
    let names: Vec<_> = all
        .as_array()
        .expect("a list")
        .iter()
        .map(|s| &s["name"])
        .collect();
    assert_eq!(names, ["new", "old"]);
    let named = served.get("/resources/stores/config?name=old").await.json();
    assert_eq!(named.as_array().expect("a list").len(), 1);

    let item = "/resources/stores/config/new/item";
    let form = "StoreID=new&item_key=greeting&item_value=hello+there";
    let (status, made) = served.form(&format!("POST {item}"), form).await;
    assert_eq!((status, &made["item_value"]), (200, &json!("hello there")));
    assert_eq!(
        (&made["item_key"], &made["store_id"]),
        (&json!("greeting"), &json!("new"))
    );
    assert_eq!(served.form(&format!("POST {item}"), form).await.0, 409);
    let path = format!("{item}/greeting");
    let (status, _) = served
        .form(&format!("PATCH {path}"), "item_value=updated")
        .await;
    assert_eq!(status, 200);
    assert_eq!(served.get(&path).await.json()["item_value"], "updated");
    assert_eq!(
        served
            .form(&format!("PATCH {item}/absent"), "item_value=x")
            .await
            .0,
        404
    );
    assert_eq!(
        served
            .form(&format!("PUT {item}/a%2Fb"), "item_value=x")
            .await
            .0,
        200
    );
    let items = served
        .get("/resources/stores/config/new/items")
        .await
        .json();
    assert_eq!(items.as_array().expect("a list").len(), 2);
    let info = served.get("/resources/stores/config/new/info").await.json();
    assert_eq!(info["item_count"], 2);
    let services = served
        .get("/resources/stores/config/new/services")
        .await
        .json();
    assert_eq!(services[0]["name"], "silent");

    let deleted = served.send(&format!("DELETE {item}/a%2Fb"), &[], b"").await;
    assert_eq!(
        (deleted.status, deleted.json()),
        (200, json!({ "status": "ok" }))
    );
    assert_eq!(
        served
            .send(&format!("DELETE {item}/a%2Fb"), &[], b"")
            .await
            .status,
        404
    );
    let removed = served
        .send("DELETE /resources/stores/config/new", &[], b"")
        .await;
    assert_eq!(removed.status, 200);
    let gone = served.get("/resources/stores/config/new/items").await;
    let detail = gone.json()["detail"].clone();
    assert_eq!(detail, "no config store is named \"new\"; there are: old");
    let renamed = served
        .form("PUT /resources/stores/config/old", "name=x")
        .await;
    assert_eq!(renamed.0, 501);
}

#[tokio::test]
async fn several_items_are_changed_together_or_not_at_all() {
    let served = serve(silent().config_store("s", [("a", "1"), ("b", "2")])).await;
    let patch = "PATCH /resources/stores/config/s/items";
    let good = json!({ "items": [
        { "op": "create", "item_key": "c", "item_value": "3" },
        { "op": "update", "item_key": "a", "item_value": "one" },
        { "op": "upsert", "item_key": "d", "item_value": "4" },
        { "op": "delete", "item_key": "b" },
    ] });
    assert_eq!(served.json(patch, good).await.0, 200);
    let values = || async {
        let items = served.get("/resources/stores/config/s/items").await.json();
        let items = items.as_array().expect("a list").clone();
        items
            .into_iter()
            .map(|item| item["item_value"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(values().await, ["one", "3", "4"]);
    for (bad, status) in [
        (
            json!({ "op": "create", "item_key": "a", "item_value": "x" }),
            409,
        ),
        (
            json!({ "op": "update", "item_key": "z", "item_value": "x" }),
            404,
        ),
        (json!({ "op": "delete", "item_key": "z" }), 404),
        (json!({ "op": "create", "item_key": "z" }), 400),
        (
            json!({ "op": "create", "item_key": "z", "item_value": "x".repeat(8_001) }),
            400,
        ),
        (json!({ "op": "explode", "item_key": "z" }), 400),
    ] {
        let first = json!({ "op": "delete", "item_key": "c" });
        let changes = json!({ "items": [first, bad] });
        assert_eq!(
            served.json(patch, changes.clone()).await.0,
            status,
            "{changes}"
        );
        assert_eq!(values().await, ["one", "3", "4"]);
    }
}

#[tokio::test]
async fn secrets_are_written_and_never_read() {
    let served = serve(silent()).await;
    let stores = "/resources/stores/secret";
    let (status, made) = served
        .json(&format!("POST {stores}"), json!({ "name": "keys" }))
        .await;
    assert_eq!((status, &made["id"]), (201, &json!("keys")));
    let secrets = format!("{stores}/keys/secrets");
    let secret = |value: &str| json!({ "name": "password", "secret": STANDARD.encode(value) });
    let (status, first) = served
        .json(&format!("POST {secrets}"), secret("hush"))
        .await;
    assert_eq!((status, &first["recreated"]), (200, &json!(false)));
    assert_eq!(
        served
            .json(&format!("POST {secrets}"), secret("hush"))
            .await
            .0,
        409
    );
    let (_, same) = served.json(&format!("PUT {secrets}"), secret("hush")).await;
    assert_eq!(
        (&same["digest"], &same["recreated"]),
        (&first["digest"], &json!(true))
    );
    let (status, other) = served
        .json(&format!("PATCH {secrets}"), secret("shibboleth"))
        .await;
    assert_eq!(status, 200);
    assert_ne!(other["digest"], first["digest"]);
    let absent = json!({ "name": "absent", "secret": "eA==" });
    assert_eq!(
        served.json(&format!("PATCH {secrets}"), absent).await.0,
        404
    );

    for path in [
        secrets.clone(),
        format!("{secrets}/password"),
        format!("{stores}/keys"),
        stores.to_owned(),
        "/metrics".to_owned(),
    ] {
        let answered = served.get(&path).await;
        assert_eq!(answered.status, 200, "{path}");
        for secret in ["shibboleth", &STANDARD.encode("shibboleth")] {
            assert!(
                !answered.text().contains(secret),
                "{path}: {}",
                answered.text()
            );
        }
    }
    let list = served.get(&format!("{secrets}?limit=50")).await.json();
    assert_eq!(list["data"][0]["name"], "password");
    assert_eq!(list["data"][0]["digest"], other["digest"]);

    let wrong = json!({ "name": "password", "secret": "not base64 but a secret" });
    let (status, problem) = served.json(&format!("PUT {secrets}"), wrong).await;
    assert_eq!(
        (status, &problem["detail"]),
        (400, &json!("the secret is not base64"))
    );
    let large = json!({ "name": "large", "secret": STANDARD.encode("x".repeat(65_537)) });
    assert_eq!(served.json(&format!("PUT {secrets}"), large).await.0, 400);
    let encrypted = json!({ "name": "e", "secret": "eA==", "client_key": "eA==" });
    let (status, problem) = served.json(&format!("PUT {secrets}"), encrypted).await;
    let detail = problem["detail"].as_str().expect("text");
    assert!(status == 501 && detail.contains("in base64"), "{detail}");
    let key = served
        .send(&format!("POST {stores}/client-key"), &[], b"")
        .await;
    assert_eq!(key.status, 501);

    let deleted = served
        .send(&format!("DELETE {secrets}/password"), &[], b"")
        .await;
    assert_eq!(deleted.status, 204);
    assert_eq!(served.get(&format!("{secrets}/password")).await.status, 404);
    let removed = served
        .send(&format!("DELETE {stores}/keys"), &[], b"")
        .await;
    assert_eq!(removed.status, 204);
}

#[tokio::test]
async fn an_acl_is_filled_and_asked() {
    let served = serve(silent()).await;
    let (status, made) = served
        .json("POST /resources/acls", json!({ "name": "list" }))
        .await;
    assert_eq!(
        (status, &made),
        (200, &json!({ "id": "list", "name": "list" }))
    );
    let all = served.get("/resources/acls").await.json();
    assert_eq!(all, json!({ "data": [made], "meta": { "total": 1 } }));
    let patch = "PATCH /resources/acls/list/entries";
    let changes = json!({ "ComputeACLID": "list", "entries": [
        { "op": "create", "prefix": "192.0.2.0/24", "action": "BLOCK" },
        { "op": "create", "prefix": "192.0.2.1/32", "action": "ALLOW" },
        { "op": "update", "prefix": "2001:db8::/32", "action": "BLOCK" },
    ] });
    assert_eq!(served.json(patch, changes).await, (202, Value::Null));
    let ask = |address: &str| format!("/resources/acls/list/entry/{address}");
    let found = served.get(&ask("192.0.2.1")).await.json();
    assert_eq!(
        found,
        json!({ "prefix": "192.0.2.1/32", "action": "ALLOW" })
    );
    let found = served.get(&ask("2001:db8::1")).await.json();
    assert_eq!(found["action"], "BLOCK");
    let none = served.get(&ask("198.51.100.1")).await;
    let head = format!("HEAD {}", ask("198.51.100.1"));
    let none_of_head = served.send(&head, &[], b"").await;
    for none in [none, none_of_head] {
        assert_eq!((none.status, none.header("content-length")), (204, None));
    }
    assert_eq!(served.get(&ask("nowhere")).await.status, 400);

    let mut seen = Vec::new();
    let mut path = "/resources/acls/list/entries?limit=2".to_owned();
    loop {
        let page = served.get(&path).await.json();
        let entries = page["entries"].as_array().expect("a list").clone();
        assert!(entries.len() <= 2);
        seen.extend(entries.into_iter().map(|entry| entry["prefix"].clone()));
        let Some(cursor) = page["meta"]["next_cursor"].as_str() else {
            break;
        };
        path = format!("/resources/acls/list/entries?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ["192.0.2.0/24", "192.0.2.1/32", "2001:db8::/32"]);

    for bad in [
        json!({ "op": "create", "prefix": "192.0.2.9", "action": "BLOCK" }),
        json!({ "op": "create", "prefix": "192.0.2.9/32", "action": "MAYBE" }),
        json!({ "op": "create", "prefix": "192.0.2.9/32" }),
        json!({ "op": "explode", "prefix": "192.0.2.9/32" }),
    ] {
        let first = json!({ "op": "delete", "prefix": "192.0.2.0/24" });
        let changes = json!({ "entries": [first, bad] });
        assert_eq!(
            served.json(patch, changes.clone()).await.0,
            400,
            "{changes}"
        );
    }
    let still = served.get(&ask("192.0.2.2")).await.json();
    assert_eq!(still["action"], "BLOCK");
    assert_eq!(
        served
            .send("DELETE /resources/acls/list", &[], b"")
            .await
            .status,
        200
    );
    assert_eq!(served.get("/resources/acls/list").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_make_a_store_at_a_time_one_has_made_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = fastlike_runtime::State::open(folder.path()).expect("a state");
    let served = serve(silent().state(state)).await;
    let lines = [
        "POST /resources/stores/kv",
        "POST /resources/stores/config",
        "POST /resources/stores/secret",
        "POST /resources/acls",
    ];
    for (n, line) in (0..20).flat_map(|n| lines.map(|line| (n, line))) {
        let body = if line.ends_with("config") {
            format!("name=s{n}")
        } else {
            json!({ "name": format!("s{n}") }).to_string()
        };
        let posts = (0..8).map(|_| served.send(line, &[], body.as_bytes()));
        let answered = futures_util::future::join_all(posts).await;
        let refused = answered.iter().filter(|answered| answered.status == 409);
        assert_eq!(refused.count(), 7, "{line}: {answered:?}");
    }
}

#[tokio::test]
async fn purges_are_answered_with_their_ids() {
    let served = serve(silent()).await;
    let one = served
        .send("POST /service/any/purge/news", &[], b"")
        .await
        .json();
    assert_eq!(one["status"], "ok");
    assert!(one["id"].as_str().is_some_and(|id| !id.is_empty()));
    let keys = ["surrogate-key: a b", "fastly-soft-purge: 1"];
    let several = served
        .send("POST /service/any/purge", &keys, b"")
        .await
        .json();
    let mut ids: Vec<_> = several.as_object().expect("by key").keys().collect();
    ids.sort();
    assert_eq!(ids, ["a", "b"]);
    let (status, listed) = served
        .json(
            "POST /service/any/purge",
            json!({ "surrogate_keys": ["c"] }),
        )
        .await;
    assert!(status == 200 && listed["c"].is_string(), "{listed}");
    assert_eq!(
        served
            .send("POST /service/any/purge/%20", &[], b"")
            .await
            .status,
        400
    );
    let everything = served.send("POST /service/any/purge_all", &[], b"").await;
    assert_eq!(everything.status, 501);
    let url = served
        .send("POST /purge/http://example.com/", &[], b"")
        .await;
    assert_eq!(url.status, 501);
    assert_eq!(served.get("/service/any/purge/news").await.status, 405);
}

#[tokio::test]
async fn what_is_not_there_says_what_is() {
    let served = serve(silent()).await;
    let unknown = served.get("/resources/stores/object").await;
    let detail = unknown.json()["detail"].as_str().expect("text").to_owned();
    assert!(
        unknown.status == 404 && detail.contains("/resources/stores/kv"),
        "{detail}"
    );
    let method = served.send("PATCH /resources/stores/kv", &[], b"").await;
    assert_eq!(
        (method.status, method.header("allow")),
        (405, Some("get, head, post"))
    );
    let broken = served.send("POST /resources/stores/kv", &[], b"{").await;
    assert_eq!(broken.status, 400);
    assert!(
        broken
            .header("cache-control")
            .is_some_and(|value| value == "no-store")
    );
    let path = served.get("/resources/stores/kv/%ff").await;
    assert_eq!(path.status, 400);
}
