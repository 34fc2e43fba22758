//! The API asked without a connection.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastlike_runtime::{Body, Current, Fastlike, Guest, KvInsert, State};
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::api::{self, Call};
use crate::guard::Guard;
use crate::limits;
use crate::metrics::Metrics;
use crate::request::Asked;
use crate::routes::Desk;
use crate::token::Token;

pub(crate) const TOKEN: &str = "a-token-of-tests";

/// Answers everything with an empty 200.
const SILENT: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

/// What requests share, with a service that does nothing.
pub(crate) async fn desk() -> Desk {
    desk_with(State::default()).await
}

async fn desk_with(state: State) -> Desk {
    let service = Fastlike::builder(Guest::bytes("silent", SILENT))
        .state(state)
        .build();
    let token = Token::new(TOKEN).expect("a token");
    let local = "127.0.0.1:1".parse().expect("an address");
    Desk {
        guard: Guard::new(token.clone(), local),
        current: Current::new(service.await.expect("a service")),
        metrics: Metrics::new(),
        since: String::new(),
        key: token,
    }
}

/// Asks the API, and gives the status and the document of the answer.
async fn ask(desk: &Desk, request: Request<Body>) -> (u16, Value) {
    let (parts, body) = request.into_parts();
    let call = Call {
        asked: Asked::new(parts).expect("a path"),
        service: desk.current.get(),
        desk,
    };
    let answered = api::route(&call, body).await;
    let reply = answered.unwrap_or_else(crate::answer::Problem::into_reply);
    let status = reply.status().as_u16();
    let body = reply.into_body().collect().await.expect("a body");
    let value = serde_json::from_slice(&body.to_bytes());
    (status, value.unwrap_or_default())
}

#[tokio::test]
async fn a_batch_goes_on_after_its_faults_and_names_the_first_of_them() {
    let desk = desk().await;
    let stores = desk.current.get().state().kv_stores().clone();
    let store = stores.create("s").expect("a name");
    let put = |wrong: usize| {
        let good = json!({ "key": "k", "value": STANDARD.encode("v") }).to_string();
        let lines = format!("{}{good}", "wrong\n".repeat(wrong));
        let request = Request::put("/resources/stores/kv/s/batch");
        request.body(Body::from(lines)).expect("a request")
    };
    for (wrong, titled) in [
        (
            limits::BATCH_FAULTS,
            "100 lines of the batch were not stored",
        ),
        (
            limits::BATCH_FAULTS + 1,
            "101 lines of the batch were not stored; these are the first 100",
        ),
    ] {
        let (status, answered) = ask(&desk, put(wrong)).await;
        assert_eq!((status, &answered["title"]), (400, &titled.into()));
        let errors = answered["errors"].as_array().expect("a list");
        let indices: Vec<_> = errors.iter().map(|error| &error["index"]).collect();
        let expected: Vec<usize> = (0..limits::BATCH_FAULTS).collect();
        assert_eq!(indices, expected);
        store.delete("k").await.expect("stored after all faults");
    }
}

#[tokio::test]
async fn of_the_lines_of_a_batch_with_one_key_the_last_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = State::open(folder.path()).expect("a state");
    let desk = desk_with(state).await;
    let stores = desk.current.get().state().kv_stores().clone();
    let store = stores.create("s").expect("a name");
    // More than are stored at a time, and than a task begins at a time.
    let last = 10 * limits::BATCH_AT_A_TIME;
    let lines = (0..=last).map(|n| {
        let value = STANDARD.encode(n.to_string());
        json!({ "key": "k", "value": value }).to_string() + "\n"
    });
    let request = Request::put("/resources/stores/kv/s/batch");
    let request = request.body(Body::from(lines.collect::<String>()));
    let (status, answered) = ask(&desk, request.expect("a request")).await;
    assert_eq!(status, 200, "{answered}");
    let entry = store.lookup("k").expect("a key").expect("an entry");
    let value = entry.value.collect().await.expect("a value").to_bytes();
    assert_eq!(value, last.to_string());
}

#[tokio::test]
async fn a_page_of_keys_has_a_thousand_unless_a_client_says_how_many() {
    let desk = desk().await;
    let stores = desk.current.get().state().kv_stores().clone();
    let store = stores.create("s").expect("a name");
    for n in 0..=limits::PAGE_KEYS {
        let key = format!("{n:04}");
        let inserted = store.insert(&key, "", KvInsert::default());
        inserted.await.expect("room");
    }
    let keys = async |query: &str| {
        let request = Request::get(format!("/resources/stores/kv/s/keys?{query}"));
        let request = request.body(Body::empty()).expect("a request");
        let (_, page) = ask(&desk, request).await;
        let count = page["data"].as_array().map(Vec::len);
        assert_eq!(page["meta"]["limit"], count.unwrap_or_default());
        count
    };
    assert_eq!(keys("").await, Some(limits::PAGE_KEYS));
    assert_eq!(keys("limit=0").await, Some(limits::PAGE_KEYS));
    assert_eq!(keys("limit=7").await, Some(7));
}

#[tokio::test]
async fn a_cursor_may_be_sent_as_it_was_told() {
    let desk = desk().await;
    let stores = desk.current.get().state().kv_stores().clone();
    let store = stores.create("s").expect("a name");
    // In base64 they have `+` and `/`.
    let all = ["~~~", "\u{7ff}\u{7ff}", "\u{800}"];
    for key in all {
        let inserted = store.insert(key, "", KvInsert::default());
        inserted.await.expect("room");
    }
    let (mut seen, mut cursors, mut cursor) = (Vec::new(), String::new(), String::new());
    for _ in all {
        let uri = format!("/resources/stores/kv/s/keys?limit=1&cursor={cursor}");
        let request = Request::get(uri).body(Body::empty()).expect("a request");
        let (status, page) = ask(&desk, request).await;
        assert_eq!(status, 200, "{page}");
        seen.push(page["data"][0].as_str().expect("a key").to_owned());
        cursor = page["meta"]["next_cursor"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        cursors.push_str(&cursor);
    }
    assert_eq!(seen, all);
    assert!(cursors.contains('+') && cursors.contains('/'), "{cursors}");
}

#[tokio::test]
async fn a_purge_has_so_many_keys_and_not_one_more() {
    let desk = desk().await;
    let purge = |count: usize| {
        let keys: Vec<String> = (0..count).map(|n| n.to_string()).collect();
        let request = Request::post("/service/any/purge").header("surrogate-key", keys.join(" "));
        request.body(Body::empty()).expect("a request")
    };
    let (status, ids) = ask(&desk, purge(limits::PURGE_KEYS)).await;
    let count = ids.as_object().map(serde_json::Map::len);
    assert_eq!((status, count), (200, Some(limits::PURGE_KEYS)));
    assert_eq!(ask(&desk, purge(limits::PURGE_KEYS + 1)).await.0, 400);
    assert_eq!(ask(&desk, purge(0)).await.0, 400);
}
