//! `/resources/stores/kv`, as the platform's clients use it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastlike_runtime::{KvInsert, State};
use serde_json::json;

use crate::harness::{serve, silent};

#[tokio::test]
async fn a_store_is_made_found_and_removed_when_it_is_empty() {
    let served = serve(silent()).await;
    let (status, made) = served
        .json("POST /resources/stores/kv", json!({ "name": "one" }))
        .await;
    assert_eq!(
        (status, &made["id"], &made["name"]),
        (201, &json!("one"), &json!("one"))
    );
    // The official CLI fails without them.
    assert!(
        made["created_at"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z')),
        "{made}"
    );
    assert_eq!(made["created_at"], made["updated_at"]);
    let (status, again) = served
        .json("POST /resources/stores/kv", json!({ "name": "one" }))
        .await;
    assert_eq!((status, &again["msg"]), (409, &json!("Conflict")));
    served
        .json("POST /resources/stores/kv", json!({ "name": "two" }))
        .await;

    let all = served.get("/resources/stores/kv").await.json();
    assert_eq!(all["data"][0]["id"], "one");
    assert_eq!(all["data"][1]["id"], "two");
    assert_eq!(all["meta"]["total"], 2);
    let named = served.get("/resources/stores/kv?name=two").await.json();
    assert_eq!(named["data"].as_array().expect("a list").len(), 1);
    assert_eq!(
        served.get("/resources/stores/kv/two").await.json()["name"],
        "two"
    );

    let unknown = served.get("/resources/stores/kv/three").await;
    assert_eq!(unknown.status, 404);
    let detail = unknown.json()["detail"].clone();
    assert_eq!(
        detail,
        "no KV store is named \"three\"; there are: one, two"
    );

    served
        .send("PUT /resources/stores/kv/one/keys/k", &[], b"v")
        .await;
    let full = served
        .send("DELETE /resources/stores/kv/one", &[], b"")
        .await;
    assert_eq!(full.status, 409);
    let gone = served
        .send("DELETE /resources/stores/kv/one/keys/k", &[], b"")
        .await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    let removed = served
        .send("DELETE /resources/stores/kv/one", &[], b"")
        .await;
    assert_eq!(removed.status, 204);
    assert_eq!(served.get("/resources/stores/kv/one").await.status, 404);
}

#[tokio::test]
async fn a_value_has_metadata_and_a_generation() {
    let served = serve(silent()).await;
    served
        .json("POST /resources/stores/kv", json!({ "name": "s" }))
        .await;
    let path = "/resources/stores/kv/s/keys/a%2Fb%20c";
    let put = format!("PUT {path}");
    let written = served
        .send(&put, &["metadata: about it"], b"\x00\xffbytes")
        .await;
    assert_eq!(written.status, 200);
    let read = served.get(path).await;
    assert_eq!(
        (read.status, read.body.as_slice()),
        (200, &b"\x00\xffbytes"[..])
    );
    assert_eq!(read.header("metadata"), Some("about it"));
    assert_eq!(
        read.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(read.header("content-length"), Some("7"));
    let generation = read.header("generation").expect("a number").to_owned();
    assert_eq!(written.header("generation"), Some(generation.as_str()));
    let head = served.send(&format!("HEAD {path}"), &[], b"").await;
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, Some("7"))
    );
    assert_eq!(head.header("generation"), Some(generation.as_str()));
    // A slash that nobody encoded is one of the key, too.
    let same = served.get("/resources/stores/kv/s/keys/a/b%20c").await;
    assert_eq!(same.body, read.body);

    let missing = served.get("/resources/stores/kv/s/keys/other").await;
    assert_eq!(missing.status, 404);
    assert_eq!(
        missing.json()["detail"],
        "the KV store \"s\" has no key \"other\""
    );
}

#[tokio::test]
async fn a_value_is_read_although_no_header_carries_its_metadata() {
    let served = serve(silent()).await;
    let stores = served.current.get().state().kv_stores().clone();
    let store = stores.create("s").expect("a store");
    let options = KvInsert {
        metadata: "two\nlines".into(),
        ..KvInsert::default()
    };
    store.insert("k", "value", options).await.expect("stored");
    let path = "/resources/stores/kv/s/keys/k";
    let read = served.get(path).await;
    assert_eq!((read.status, read.text().as_str()), (200, "value"));
    let head = served.send(&format!("HEAD {path}"), &[], b"").await;
    assert_eq!(head.header("content-length"), Some("5"));
    for answered in [read, head] {
        assert_eq!(answered.header("metadata"), None);
        let note = answered.header("fastlike-note").expect("a reason");
        assert!(note.starts_with("the metadata is left out"), "{note}");
    }
}

#[tokio::test]
async fn generations_decide_between_two_writers() {
    let served = serve(silent()).await;
    served
        .json("POST /resources/stores/kv", json!({ "name": "s" }))
        .await;
    let put = "PUT /resources/stores/kv/s/keys/k";
    let first = served.send(put, &[], b"first").await;
    let generation = first.header("generation").expect("a number").to_owned();
    let with = |generation: &str| format!("if-generation-match: {generation}");
    let second = served.send(put, &[&with(&generation)], b"second").await;
    assert_eq!(second.status, 200);
    let late = served.send(put, &[&with(&generation)], b"late").await;
    assert_eq!(late.status, 412);
    let delete = "DELETE /resources/stores/kv/s/keys/k";
    assert_eq!(
        served.send(delete, &[&with(&generation)], b"").await.status,
        412
    );
    let newer = second.header("generation").expect("a number").to_owned();
    assert_eq!(served.send(delete, &[&with(&newer)], b"").await.status, 204);
    assert_eq!(served.send(delete, &[], b"").await.status, 404);
    let forced = "DELETE /resources/stores/kv/s/keys/k?force=true";
    assert_eq!(served.send(forced, &[], b"").await.status, 204);
    let odd = served.send(put, &["if-generation-match: x"], b"v").await;
    assert_eq!(odd.status, 400);
}

#[tokio::test]
async fn values_are_added_appended_prepended_and_expire() {
    let served = serve(silent()).await;
    served
        .json("POST /resources/stores/kv", json!({ "name": "s" }))
        .await;
    let put = |parameters: &str| format!("PUT /resources/stores/kv/s/keys/k?{parameters}");
    assert_eq!(served.send(&put("add=true"), &[], b"b").await.status, 200);
    assert_eq!(served.send(&put("add=true"), &[], b"x").await.status, 412);
    assert_eq!(
        served.send(&put("append=true"), &[], b"c").await.status,
        200
    );
    assert_eq!(served.send(&put("prepend=1"), &[], b"a").await.status, 200);
    let value = served.get("/resources/stores/kv/s/keys/k").await;
    assert_eq!(value.text(), "abc");
    assert_eq!(
        served.send(&put("add=1&append=1"), &[], b"x").await.status,
        400
    );
    let store = served
        .current
        .get()
        .state()
        .kv_stores()
        .get("s")
        .expect("a store");
    let lasting = store.lookup("k").expect("a key").expect("an entry");
    assert_eq!(lasting.expires, None);
    let short = ["time_to_live_sec: 60"];
    assert_eq!(served.send(&put(""), &short, b"short").await.status, 200);
    let entry = store.lookup("k").expect("a key").expect("an entry");
    assert!(entry.expires.is_some());
}

#[tokio::test]
async fn keys_are_listed_by_prefix_in_pages() {
    let served = serve(silent()).await;
    served
        .json("POST /resources/stores/kv", json!({ "name": "s" }))
        .await;
    let store = served
        .current
        .get()
        .state()
        .kv_stores()
        .get("s")
        .expect("a store");
    for n in 0..25 {
        let key = format!("page/{n:02}");
        store
            .insert(&key, "v", Default::default())
            .await
            .expect("stored");
    }
    store
        .insert("other", "v", Default::default())
        .await
        .expect("stored");
    let mut keys = Vec::new();
    let mut path = "/resources/stores/kv/s/keys?prefix=page%2F&limit=10".to_owned();
    loop {
        let page = served.get(&path).await.json();
        assert_eq!(page["meta"]["limit"], 10);
        keys.extend(page["data"].as_array().expect("a list").clone());
        let Some(cursor) = page["meta"]["next_cursor"].as_str() else {
            break;
        };
        let cursor = cursor.replace('=', "%3D").replace('+', "%2B");
        path = format!("/resources/stores/kv/s/keys?prefix=page%2F&limit=10&cursor={cursor}");
    }
    assert_eq!(keys.len(), 25);
    assert_eq!(keys[24], "page/24");
    let strong = served
        .get("/resources/stores/kv/s/keys?consistency=strong")
        .await
        .json();
    assert_eq!(strong["data"].as_array().expect("a list").len(), 26);
    for wrong in ["cursor=%21", "limit=many", "consistency=odd"] {
        let path = format!("/resources/stores/kv/s/keys?{wrong}");
        assert_eq!(served.get(&path).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_batch_stores_a_line_each_and_names_those_that_are_wrong() {
    let served = serve(silent()).await;
    served
        .json("POST /resources/stores/kv", json!({ "name": "s" }))
        .await;
    let line = |key: &str, value: &str| {
        json!({ "key": key, "value": STANDARD.encode(value), "metadata": "m" }).to_string()
    };
    let good = format!("{}\n    {}\n\n", line("one", "1"), line("two", "2"));
    for path in ["batch", "keys"] {
        let put = format!("PUT /resources/stores/kv/s/{path}");
        let answered = served.send(
            &put,
            &["content-type: application/x-ndjson"],
            good.as_bytes(),
        );
        let answered = answered.await;
        assert_eq!(answered.status, 200);
        assert_eq!(
            answered.json(),
            json!({ "type": "", "title": "success", "errors": [] })
        );
    }
    let two = served.get("/resources/stores/kv/s/keys/two").await;
    assert_eq!(
        (two.text().as_str(), two.header("metadata")),
        ("2", Some("m"))
    );

    let mixed = format!(
        "{}\n{{\"key\":\"bad\",\"value\":\"*\"}}\nnothing\n{}",
        line("three", "3"),
        line("..", "4")
    );
    let answered = served
        .send("PUT /resources/stores/kv/s/batch", &[], mixed.as_bytes())
        .await;
    assert_eq!(answered.status, 400);
    let errors = answered.json()["errors"].clone();
    let indices: Vec<_> = errors
        .as_array()
        .expect("a list")
        .iter()
        .map(|e| &e["index"])
        .collect();
    assert_eq!(indices, [1, 2, 3]);
    assert_eq!(errors[0]["key"], "bad");
    assert_eq!(
        served.get("/resources/stores/kv/s/keys/three").await.status,
        200
    );
}

#[tokio::test]
async fn what_was_written_is_on_the_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let state = State::open(folder.path()).expect("a state");
        let served = serve(silent().state(state)).await;
        served
            .json("POST /resources/stores/kv", json!({ "name": "s" }))
            .await;
        let put = served
            .send("PUT /resources/stores/kv/s/keys/k", &[], b"kept")
            .await;
        assert_eq!(put.status, 200);
        served
            .current
            .replace(silent().build().await.expect("another"));
    }
    // The old service is freed with its last request.
    let state = loop {
        match State::open(folder.path()) {
            Ok(state) => break state,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let served = serve(silent().state(state)).await;
    let read = served.get("/resources/stores/kv/s/keys/k").await;
    assert_eq!(read.text(), "kept");
}
