//! The API asked without a connection.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastlike_runtime::{Body, Current, Fastlike, Guest};
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
    let service = Fastlike::builder(Guest::bytes("silent", SILENT)).build();
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
async fn a_batch_that_is_all_wrong_is_given_up() {
    let desk = desk().await;
    let stores = desk.current.get().state().kv_stores().clone();
    let store = stores.create("s").expect("a name");
    let put = |wrong: usize| {
        let good = json!({ "key": "k", "value": STANDARD.encode("v") }).to_string();
        let lines = format!("{}{good}", "wrong\n".repeat(wrong));
        let request = Request::put("/resources/stores/kv/s/batch");
        request.body(Body::from(lines)).expect("a request")
    };
    let errors = |answered: &Value| answered["errors"].as_array().map(Vec::len);
    let (status, answered) = ask(&desk, put(limits::BATCH_FAULTS)).await;
    assert_eq!(
        (status, errors(&answered)),
        (400, Some(limits::BATCH_FAULTS))
    );
    assert!(
        store.lookup("k").expect("a key").is_none(),
        "given up before"
    );
    let (status, answered) = ask(&desk, put(limits::BATCH_FAULTS - 1)).await;
    assert_eq!(
        (status, errors(&answered)),
        (400, Some(limits::BATCH_FAULTS - 1))
    );
    assert!(store.lookup("k").expect("a key").is_some());
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
