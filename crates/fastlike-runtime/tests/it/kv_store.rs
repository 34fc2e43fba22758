//! KV stores.

mod faults;
mod together;

use fastlike_runtime::{KvInsert, KvMode, LogEndpoint, LogTarget, State};

use crate::harness::{Answer, Logs, Running, Test, get, request};

const STORE: [(&str, &str); 2] = [("greeting", "hello"), ("empty", "")];

async fn service() -> Running {
    let test = Test::guest("kv_store_operations");
    test.with(|builder| builder.kv_store("store", STORE))
        .start()
        .await
}

/// The answer to an insert with these options in headers.
async fn insert(service: &Running, key: &str, value: &str, options: &[(&str, &str)]) -> String {
    let mut request = request("POST", &format!("/store/insert?{key}"), value.to_owned());
    with(&mut request, options);
    service.send(request).await.ok().to_owned()
}

fn with<B>(request: &mut http::Request<B>, options: &[(&str, &str)]) {
    for (name, value) in options {
        let name: http::HeaderName = format!("x-{name}").parse().expect("a name");
        let value = value.parse().expect("a value");
        request.headers_mut().insert(name, value);
    }
}

async fn list(service: &Running, options: &[(&str, &str)]) -> Answer {
    let mut request = request("GET", "/store/list", "");
    with(&mut request, options);
    service.send(request).await
}

#[tokio::test]
async fn a_program_finds_what_its_store_began_with() {
    let logs = Logs::capture();
    let service = service().await;
    assert_eq!(service.get("/store/lookup?greeting").await.ok(), "hello");
    assert_eq!(service.get("/store/lookup?empty").await.ok(), "");
    let miss = service.get("/store/lookup?nothing").await;
    assert_eq!(miss.ok(), "ItemNotFound");
    assert_eq!(logs.with("\"store\" for \"nothing\"").len(), 1);
    assert_eq!(
        service.get("/no-such-store/lookup?a").await.ok(),
        "StoreNotFound"
    );
    let warned = logs.with("no-such-store");
    assert!(
        warned.len() == 1 && warned[0].contains("\"store\"") && warned[0].contains("kv_stores"),
        "it says what there is, and where: {warned:?}"
    );
}

#[tokio::test]
async fn what_one_request_stores_the_next_one_finds() {
    let service = service().await;
    let options = [("metadata", "about it"), ("ttl", "600"), ("background", "")];
    assert_eq!(insert(&service, "key", "value", &options).await, "ok");
    let found = service.get("/store/lookup?key").await;
    assert_eq!(found.ok(), "value");
    assert_eq!(found.header("x-metadata"), "about it");

    for (mode, there) in [("append", "value!"), ("prepend", "!value!")] {
        assert_eq!(insert(&service, "key", "!", &[("mode", mode)]).await, "ok");
        assert_eq!(service.get("/store/lookup?key").await.ok(), there);
    }
    let added = insert(&service, "key", "new", &[("mode", "add")]).await;
    assert_eq!(added, "ItemPreconditionFailed");
    assert_eq!(service.get("/store/delete?key").await.ok(), "ok");
    assert_eq!(service.get("/store/delete?key").await.ok(), "ItemNotFound");
    assert_eq!(service.get("/store/lookup?key").await.ok(), "ItemNotFound");
    assert_eq!(
        insert(&service, "key", "new", &[("mode", "add")]).await,
        "ok"
    );
}

#[tokio::test]
async fn a_write_can_depend_on_a_generation() {
    let service = service().await;
    let seen = service.get("/store/lookup?greeting").await;
    let seen = [("generation", seen.header("x-generation"))];
    assert_eq!(insert(&service, "greeting", "hi", &seen).await, "ok");
    let late = insert(&service, "greeting", "late", &seen).await;
    assert_eq!(late, "ItemPreconditionFailed");
    assert_eq!(service.get("/store/lookup?greeting").await.ok(), "hi");
}

#[tokio::test]
async fn what_has_expired_is_not_found() {
    let service = service().await;
    assert_eq!(
        insert(&service, "brief", "value", &[("ttl", "60")]).await,
        "ok"
    );
    assert_eq!(
        insert(&service, "briefer", "value", &[("ttl", "0")]).await,
        "ok"
    );
    assert_eq!(service.get("/store/lookup?brief").await.ok(), "value");
    let gone = service.get("/store/lookup?briefer").await;
    assert_eq!(gone.ok(), "ItemNotFound");
}

#[tokio::test]
async fn keys_are_listed_by_prefix_and_cursor() {
    let service = service().await;
    for n in 0..25 {
        insert(&service, &format!("user/{n:02}"), "", &[]).await;
    }
    let first = list(&service, &[("prefix", "user/"), ("limit", "20")]).await;
    assert_eq!(first.ok().lines().count(), 20);
    let cursor = first.header("x-cursor");
    let options = [("prefix", "user/"), ("cursor", cursor), ("eventual", "")];
    let rest = list(&service, &options).await;
    let left = "user/20\nuser/21\nuser/22\nuser/23\nuser/24";
    assert_eq!((rest.ok(), rest.header("x-cursor")), (left, ""));
    assert_eq!(rest.header("x-limit"), "100");
    let bad = list(&service, &[("cursor", "nonsense!")]).await;
    assert_eq!(bad.ok(), "ItemBadRequest");
}

#[tokio::test]
async fn the_sdk_walks_more_keys_than_a_page_holds() {
    const KEYS: usize = 2_500;
    let entries = (0..KEYS).map(|n| (format!("key/{n}"), ""));
    let test = Test::guest("kv_store_operations");
    let service = test
        .with(|builder| builder.kv_store("store", entries.chain([("other".to_owned(), "")])))
        .start()
        .await;
    let mut request = request("GET", "/store/keys", "");
    with(&mut request, &[("prefix", "key/")]);
    let walked = service.send(request).await;
    assert_eq!(walked.ok(), "2500 keys, 3 pages");
}

#[tokio::test]
async fn operations_that_were_begun_together_all_end() {
    let service = service().await;
    let done = service.get("/store/async?many/").await;
    assert_eq!(done.ok(), "01234567 ItemNotFound, 7 left");
}

#[tokio::test]
async fn a_value_may_have_25_mib_and_not_a_byte_more() {
    const LIMIT: usize = 25 * 1024 * 1024;
    let service = service().await;
    let put = async |length: usize| {
        let body = bytes::Bytes::from(vec![b'v'; length]);
        let answer = service
            .send(request("POST", "/store/insert?large", body))
            .await;
        answer.ok().to_owned()
    };
    assert_eq!(put(LIMIT).await, "ok");
    assert_eq!(put(LIMIT + 1).await, "ItemPayloadTooLarge");
    let found = service.get("/store/lookup?large").await;
    assert_eq!(found.body.len(), LIMIT);
    let more = insert(&service, "large", "x", &[("mode", "append")]).await;
    assert_eq!(more, "ItemPayloadTooLarge");
}

#[tokio::test]
async fn what_is_stored_outlives_the_service_and_the_process() {
    let directory = tempfile::tempdir().expect("a directory");
    let large: Vec<u8> = (0..2_000_000u32).map(|n| n as u8).collect();
    let start = async || {
        let test = Test::guest("kv_store_operations");
        test.with(|builder| {
            builder
                .kv_store("store", STORE)
                .state_directory(directory.path())
        })
        .start()
        .await
    };
    let service = start().await;
    assert_eq!(insert(&service, "greeting", "changed", &[]).await, "ok");
    assert_eq!(service.get("/store/delete?empty").await.ok(), "ok");
    let put = request("POST", "/store/insert?large", large.clone());
    assert_eq!(service.send(put).await.ok(), "ok");
    // Programs that have answered and still run have the state, too.
    for _ in 0..3 {
        service.seen.report().await;
    }

    // A service that takes its place, with the same state.
    let state = service.fastlike.state().clone();
    drop(service);
    let test = Test::guest("kv_store_operations");
    let test = test.with(|builder| builder.kv_store("store", STORE).state(state));
    let next = test.start().await;
    assert_eq!(next.get("/store/lookup?greeting").await.ok(), "changed");
    next.seen.report().await;
    drop(next);

    // The directory is free again: nothing else has the state.
    let service = start().await;
    assert_eq!(service.get("/store/lookup?greeting").await.ok(), "changed");
    let deleted = service.get("/store/lookup?empty").await;
    assert_eq!(
        deleted.ok(),
        "ItemNotFound",
        "a restart brings nothing back"
    );
    let found = service.get("/store/lookup?large").await;
    assert!(found.body == large, "{} bytes", found.body.len());
}

#[tokio::test]
async fn a_service_that_cannot_be_made_writes_nothing() {
    let service = service().await;
    assert_eq!(insert(&service, "greeting", "mine", &[]).await, "ok");
    let state = service.fastlike.state().clone();
    let next = Test::guest("kv_store_operations").with(|builder| {
        let nowhere = LogTarget::File("no/such/folder/events.log".into());
        builder
            .state(state)
            .kv_store("store", [("greeting", "another"), ("new", "")])
            .log_endpoint("events", LogEndpoint::new(nowhere))
    });
    next.build().await.expect_err("there is no such folder");
    assert_eq!(service.get("/store/lookup?greeting").await.ok(), "mine");
    assert_eq!(service.get("/store/lookup?new").await.ok(), "ItemNotFound");
}

#[tokio::test]
async fn a_value_is_passed_on_to_the_client() {
    let value = "value ".repeat(100_000);
    let test = Test::guest("kv_store_read");
    let service = test
        .with(|builder| builder.kv_store("bench", [("key", value.clone())]))
        .start()
        .await;
    let response = service.begin(get("/")).await;
    let length = http_body::Body::size_hint(response.body()).exact();
    assert_eq!(length, Some(value.len() as u64), "the length is known");
    assert!(Answer::of(response).await.ok() == value);
}

#[tokio::test]
async fn an_embedder_reads_and_writes_the_stores_of_a_program() {
    let state = State::in_memory();
    let test = Test::guest("kv_store_operations");
    let service = test
        .with(|builder| builder.state(state.clone()))
        .start()
        .await;
    assert_eq!(service.get("/store/lookup?a").await.ok(), "StoreNotFound");
    let store = state.kv_stores().create("store").expect("a store");
    let options = KvInsert {
        mode: KvMode::Add,
        metadata: "by the host".into(),
        ..KvInsert::default()
    };
    let written = store.insert("a", "value", options).await.expect("stored");
    let found = service.get("/store/lookup?a").await;
    assert_eq!(found.ok(), "value");
    assert_eq!(found.header("x-generation"), written.to_string());
    assert_eq!(insert(&service, "b", "", &[]).await, "ok");
    let page = store.list(&Default::default()).expect("a page");
    assert_eq!(page.keys, ["a", "b"]);
}
