//! Stores that come and go while others write, and what they begin with.

use std::thread;

use super::*;
use crate::state::State;

/// What a future ends with, on a thread that waits for it.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

#[test]
fn a_store_that_is_made_again_is_not_taken_away_with_the_one_before() {
    let directory = tempfile::tempdir().expect("a directory");
    let stores = KvStores::open(directory.path()).expect("a database");
    let mut stored = Vec::new();
    for round in 0..40 {
        let name = format!("store {round}");
        stores.create(&name).expect("new");
        let done = thread::scope(|scope| {
            // Somebody keeps the disk busy, so that removing takes its time.
            scope.spawn(|| {
                let busy = stores.create("busy").expect("there or new");
                for n in 0..4 {
                    wait(put(&busy, &n.to_string(), "value"));
                }
            });
            scope.spawn(|| stores.remove(&name).expect("removed"));
            let again = scope.spawn(|| {
                let store = stores.create(&name).expect("there or new");
                wait(store.insert("key", "value", KvInsert::default())).is_ok()
            });
            again.join().expect("a thread")
        });
        let there = stores.get(&name).is_some();
        stored.extend((done && there).then_some(name));
    }
    drop(stores);
    let again = KvStores::open(directory.path()).expect("a database");
    for name in stored {
        let store = again.get(&name).unwrap_or_else(|| panic!("{name} is gone"));
        let value = wait(text(&store, "key"));
        // It may have been written before the removal.
        assert!(
            value.as_deref().is_none_or(|value| value == "value"),
            "{name}"
        );
    }
}

#[test]
fn only_an_empty_store_is_removed_as_one() {
    let both = Both::new();
    for stores in &both.stores {
        for round in 0..50 {
            let name = format!("store {round}");
            let store = stores.create(&name).expect("new");
            let (stored, removed) = thread::scope(|scope| {
                let removing = scope.spawn(|| stores.remove_if_empty(&name).expect("there"));
                let put = store.insert("key", "value", KvInsert::default());
                (wait(put), removing.join().expect("a thread"))
            });
            assert_ne!(stored.is_ok(), removed, "{stored:?}");
            assert_eq!(stores.get(&name).is_none(), removed);
        }
        let gone = stores.remove_if_empty("nowhere");
        assert_eq!(gone, Err(KvError::Removed));
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_leaves_a_store_empty() {
    let both = Both::new();
    for stores in &both.stores {
        let store = stores.create("store").expect("new");
        store
            .insert("key", "value", ttl(hours(1)))
            .await
            .expect("stored");
        assert_eq!(stores.remove_if_empty("store"), Ok(false));
        tokio::time::advance(hours(2)).await;
        assert_eq!(stores.remove_if_empty("store"), Ok(true));
        assert_eq!(stores.names(), [] as [&str; 0]);
    }
}

#[test]
fn a_new_store_has_one_maker() {
    let both = Both::new();
    for stores in &both.stores {
        let made = thread::scope(|scope| {
            let make = || stores.create_new("store").expect("there or new").is_some();
            let makers: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
            let made = makers
                .into_iter()
                .map(|maker| maker.join().expect("a thread"));
            made.filter(|made| *made).count()
        });
        assert_eq!(made, 1);
    }
}

fn seeds(stores: &[(&str, &str, usize)]) -> Seeds {
    let seed = |length: usize| KvSeed::from(vec![b'x'; length]);
    let store = |(name, key, length): &(&str, &str, usize)| {
        let entries = [((*key).to_owned(), seed(*length))];
        ((*name).to_owned(), entries.into_iter().collect())
    };
    stores.iter().map(store).collect()
}

#[tokio::test]
async fn seeds_are_all_written_or_none() {
    const MAX: u64 = 100_000;
    let directory = tempfile::tempdir().expect("a directory");
    for stores in [
        KvStores::in_memory(MAX),
        KvStores::on_disk(directory.path(), MAX).expect("a database"),
    ] {
        stores.sow(seeds(&[("a", "key", 1)])).expect("room");
        let store = stores.get("a").expect("made");
        put(&store, "key", "mine").await;
        let before = stores.usage().expect("readable");
        let wrong = [
            seeds(&[("a", "key", 2), ("b", "key", 200_000)]),
            seeds(&[("a", "key", 2), ("b", "..", 1)]),
            seeds(&[("a", "key", 2), ("", "key", 1)]),
        ];
        for wrong in wrong {
            stores.sow(wrong).expect_err("one of them is wrong");
            assert_eq!(text(&store, "key").await.as_deref(), Some("mine"));
            assert_eq!(stores.names(), ["a"]);
            assert_eq!(stores.usage().expect("readable"), before);
        }
        // It still is what it was sown as.
        stores.sow(seeds(&[("a", "key", 1)])).expect("room");
        assert_eq!(text(&store, "key").await.as_deref(), Some("mine"));
        stores
            .sow(seeds(&[("a", "key", 2), ("b", "key", 3)]))
            .expect("room");
        assert_eq!(text(&store, "key").await.as_deref(), Some("xx"));
    }
}

#[test]
fn there_are_so_many_stores_and_no_more() {
    let stores = State::in_memory().kv_stores().clone();
    let name = |n: usize| format!("{n:04}");
    for n in 1..limits::STORES {
        stores.create(&name(n)).expect("room");
    }
    let max = limits::STORES;
    let two = seeds(&[("a", "key", 1), ("b", "key", 1)]);
    assert_eq!(
        stores.sow(two),
        Err(("a".to_owned(), KvError::Stores { max }))
    );
    stores.sow(seeds(&[("a", "key", 1)])).expect("room for one");
    let full = stores.create("b").map(drop);
    assert_eq!(full, Err(KvError::Stores { max }));
}
