//! What lasts: over reopening, beside readers, and of seeds.

use super::*;
use crate::state::{State, StateError};

#[tokio::test]
async fn what_was_stored_is_there_when_the_directory_is_opened_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let large: Bytes = (0..1_000_000u32).map(|n| n as u8).collect();
    let open = || {
        State::open(directory.path())
            .expect("a state")
            .kv_stores()
            .clone()
    };
    let (stores, last) = {
        let stores = open();
        let store = stores.create("store").expect("new");
        put(&store, "gone", "value").await;
        put(&store, "large", large.clone()).await;
        store.delete("gone").await.expect("it was there");
        let last = put(&store, "key", "value").await;
        (stores.names(), last)
    };
    let again = open();
    assert_eq!(again.names(), stores);
    let store = again.get("store").expect("there");
    assert_eq!(text(&store, "key").await.as_deref(), Some("value"));
    assert_eq!(text(&store, "gone").await, None);
    let entry = store.lookup("large").expect("a lookup").expect("there");
    assert!(bytes(entry.value).await == large);
    let entry = store.lookup("key").expect("a lookup").expect("there");
    assert_eq!(entry.generation, last);
    assert_eq!(
        put(&store, "key", "new").await,
        last + 1,
        "generations go on"
    );
}

#[test]
fn a_directory_is_one_processs_and_says_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = State::open(directory.path()).expect("a state");
    let second = State::open(directory.path()).expect_err("in use");
    assert!(matches!(second, StateError::InUse { .. }), "{second:?}");
    let named = directory.path().display().to_string();
    assert!(second.to_string().contains(&named), "{second}");
    drop(first);
    State::open(directory.path()).expect("free again");
}

#[test]
fn what_cannot_be_a_state_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    std::fs::write(&file, "text").expect("written");
    let error = State::open(&file).expect_err("a file is no directory");
    assert!(matches!(error, StateError::Directory { .. }), "{error:?}");

    std::fs::write(directory.path().join("state.redb"), "not a database").expect("written");
    let error = State::open(directory.path()).expect_err("no database");
    assert!(error.to_string().contains("state.redb"), "{error}");
}

#[tokio::test]
async fn a_reader_has_the_value_that_it_found_whatever_is_written_meanwhile() {
    let old: Bytes = (0..3_000_000u32).map(|n| (n / 1_000) as u8).collect();
    for store in Both::new().each() {
        put(&store, "key", old.clone()).await;
        let mut entry = store.lookup("key").expect("a lookup").expect("there");
        let first = entry.value.read(10).await.expect("some").expect("data");
        for n in 0..5 {
            put(&store, "key", vec![n; 2_000_000]).await;
        }
        store.delete("key").await.expect("it was there");
        put(&store, "other", vec![9; 2_000_000]).await;
        let rest = entry.value.collect().await.expect("whole").to_bytes();
        assert!([first, rest].concat() == old);
    }
}

#[tokio::test]
async fn more_writes_than_the_queue_holds_are_all_done() {
    let both = Both::new();
    let store = both.stores[1].create("store").expect("new");
    let writes = (0..2 * limits::KV_WRITES).map(|n| {
        let store = store.clone();
        async move { put(&store, &format!("{n:05}"), "value").await }
    });
    let generations = futures_util::future::join_all(writes).await;
    let different: std::collections::HashSet<_> = generations.iter().collect();
    assert_eq!(different.len(), 2 * limits::KV_WRITES);
    let list = KvList {
        cursor: Some("MDIwNDY=".to_owned()),
        ..KvList::default()
    };
    assert_eq!(store.list(&list).expect("a page").keys, ["02047"]);
}

#[tokio::test]
async fn a_write_is_done_though_nobody_waits_for_it() {
    let both = Both::new();
    for store in both.each() {
        let begun = store.begin_insert("key", Body::from("value"), KvInsert::default());
        drop(begun.await.expect("begun"));
        // The next one comes after it.
        put(&store, "other", "").await;
        assert_eq!(text(&store, "key").await.as_deref(), Some("value"));
    }
}

#[tokio::test]
async fn a_directory_holds_so_much_and_no_more() {
    let directory = tempfile::tempdir().expect("a directory");
    let size = limits::KV_ENTRY_COST + 8;
    let disk = KvStores::on_disk(directory.path(), limits::KV_DISK).expect("a database");
    let Engine::Disk(engine) = &disk.0.engine else {
        panic!("it is on a disk");
    };
    engine
        .pretend_used(limits::KV_DISK - size)
        .expect("written");
    let store = disk.create("store").expect("new");
    put(&store, "key", "value").await;
    let full = store.insert("k", "", KvInsert::default()).await;
    assert_eq!(
        full,
        Err(KvError::Full {
            max: limits::KV_DISK
        })
    );
}

#[test]
fn memory_holds_so_much_and_no_more() {
    let memory = Memory::new(0, limits::KV_MEMORY);
    memory.exchange(0, limits::KV_MEMORY).expect("at the limit");
    let max = limits::KV_MEMORY;
    assert_eq!(memory.exchange(0, 1), Err(KvError::Full { max }));
    memory.exchange(1, 1).expect("the same size");
}

#[tokio::test]
async fn a_seed_is_written_once_and_again_when_it_changes() {
    let both = Both::new();
    for stores in &both.stores {
        let seed = |entries: &[(&str, &'static str)]| {
            let entries = entries
                .iter()
                .map(|(key, value)| ((*key).to_owned(), KvSeed::from(*value)));
            sow(stores, entries).expect("seeded");
        };
        seed(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let store = stores.get("store").expect("it was made");
        assert_eq!(text(&store, "a").await.as_deref(), Some("1"));
        put(&store, "a", "mine").await;
        store.delete("b").await.expect("it was there");

        seed(&[("a", "1"), ("b", "1"), ("c", "1")]);
        assert_eq!(text(&store, "a").await.as_deref(), Some("mine"));
        assert_eq!(text(&store, "b").await, None, "deleted is deleted");

        seed(&[("a", "2"), ("b", "1")]);
        assert_eq!(text(&store, "a").await.as_deref(), Some("2"), "it changed");
        assert_eq!(text(&store, "c").await.as_deref(), Some("1"), "it stays");

        put(&store, "c", "mine").await;
        seed(&[("c", "1")]);
        assert_eq!(text(&store, "c").await.as_deref(), Some("1"), "new again");
    }
    let entries = [("..".to_owned(), KvSeed::default())];
    let bad = sow(&both.stores[0], entries);
    assert_eq!(
        bad,
        Err(("store".to_owned(), KvError::Key(KvKeyError::Dots)))
    );
}

#[tokio::test]
async fn seeds_are_remembered_in_the_directory() {
    let Both { stores, directory } = Both::new();
    let seed = |stores: &KvStores| {
        let seed = KvSeed {
            value: "seed".into(),
            metadata: "about it".into(),
        };
        sow(stores, [("key".to_owned(), seed)]).expect("seeded");
        stores.get("store").expect("there")
    };
    let store = seed(&stores[1]);
    let entry = store.lookup("key").expect("a lookup").expect("there");
    assert_eq!(entry.metadata, "about it");
    put(&store, "key", "mine").await;
    drop((store, stores));
    let again = KvStores::open(directory.path()).expect("a database");
    let store = seed(&again);
    assert_eq!(text(&store, "key").await.as_deref(), Some("mine"));
}
