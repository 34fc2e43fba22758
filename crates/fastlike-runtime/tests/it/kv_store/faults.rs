//! What the ABI answers, call by call.

use fastlike_runtime::KvSeed;

use super::*;
use crate::harness::script;

/// In memory, and in a directory.
async fn runs(lines: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    for state in [
        State::in_memory(),
        State::open(directory.path()).expect("a state"),
    ] {
        let test = Test::wat(script(lines));
        let service = test.with(|builder| builder.state(state).kv_store("store", STORE));
        assert_eq!(service.get("/").await.ok(), "");
    }
}

#[tokio::test]
async fn bad_arguments_have_their_statuses() {
    runs(
        "2: kv_store.open 'nowhere' 8
        2: kv_store.open '' 8
        kv_store.open 'store' 8
        3: kv_store.lookup 99 'greeting' 0 0 16
        2: kv_store.lookup *8 '' 0 0 16
        2: kv_store.lookup *8 0 1025 0 0 16
        2: kv_store.lookup *8 'a/../b' 0 0 16
        2: kv_store.delete *8 '..' 0 0 16
        3: kv_store.insert *8 'key' 99 0 0 16
        3: kv_store.lookup_wait_v2 99 24 64 100 28 32 40
        3: kv_store.insert_wait 99 40
        3: kv_store.delete_wait 99 40
        3: kv_store.list_wait 99 24 40
        ; a handle of another kind stays what it is
        kv_store.list *8 0 0 16
        3: kv_store.lookup_wait_v2 *16 24 64 100 28 32 40
        kv_store.list_wait *16 24 40
        @40 == 1
        3: kv_store.list_wait *16 24 40",
    )
    .await;
}

#[tokio::test]
async fn lookups_write_what_they_found_and_nothing_of_a_miss() {
    runs(
        "kv_store.open 'store' 8
        kv_store.lookup *8 'greeting' 0 0 16
        async_io.is_ready *16 20
        @20 == 1
        kv_store.lookup_wait_v2 *16 24 64 100 28 32 40
        @40 == 1
        @28 == 0
        http_body.read *24 128 100 44
        @128 == 'hello'
        kv_store.lookup *8 'nothing' 0 0 16
        http_body.new 48
        http_body.close *48
        kv_store.lookup_wait_v2 *16 56 64 100 60 32 40
        @40 == 3
        @56 == 0
        ; the first form knows no generation
        kv_store.lookup *8 'greeting' 0 0 16
        kv_store.lookup_wait *16 24 64 100 28 52 40
        @52 == 0
        @40 == 1",
    )
    .await;
}

#[tokio::test]
async fn metadata_that_does_not_fit_costs_the_lookup() {
    let guest = script(
        "kv_store.open 'store' 8
        kv_store.lookup *8 'key' 0 0 16
        4: kv_store.lookup_wait_v2 *16 24 64 3 28 32 40
        @28 == 4
        @40 == 0
        3: kv_store.lookup_wait_v2 *16 24 64 4 28 32 40
        kv_store.lookup *8 'key' 0 0 16
        kv_store.lookup_wait_v2 *16 24 64 4 28 32 40
        @40 == 1
        @28 == 4
        @64 == 'meta'",
    );
    let seed = KvSeed {
        value: "value".into(),
        metadata: "meta".into(),
    };
    let test = Test::wat(guest).with(|builder| builder.kv_store("store", [("key", seed)]));
    assert_eq!(test.get("/").await.ok(), "");
}

#[tokio::test]
async fn values_count_as_memory_until_they_are_closed() {
    let guest = script(
        "kv_store.open 'store' 8
        kv_store.lookup *8 'greeting' 0 0 16
        kv_store.lookup_wait_v2 *16 24 64 100 28 32 40
        kv_store.lookup *8 'greeting' 0 0 20
        13: kv_store.lookup *8 'greeting' 0 0 48
        http_body.close *24
        kv_store.lookup *8 'greeting' 0 0 48",
    );
    let test = Test::wat(guest).limits(|limits| limits.body_memory = 10);
    let test = test.with(|builder| builder.kv_store("store", STORE));
    assert_eq!(test.get("/").await.ok(), "");
}

#[tokio::test]
async fn writes_end_with_their_outcome() {
    runs(
        "kv_store.open 'store' 8
        kv_store.delete *8 'nothing' 0 0 16
        kv_store.delete_wait *16 40
        @40 == 3
        http_body.new 20
        kv_store.insert *8 'key' *20 0 0 24
        async_io.select 24 1 0 28
        @28 == 0
        kv_store.insert_wait *24 40
        @40 == 1
        3: kv_store.insert_wait *24 40
        ; a bad key consumes the body all the same
        http_body.new 20
        2: kv_store.insert *8 'a#b' *20 0 0 24
        3: http_body.close *20",
    )
    .await;
}
