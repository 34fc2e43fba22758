//! Inserts, deletes, and what their options do.

use super::*;
use crate::http::Charge;

#[tokio::test]
async fn what_was_inserted_is_found_with_its_metadata_and_a_generation_of_its_own() {
    for store in Both::new().each() {
        let options = KvInsert {
            metadata: "about it".into(),
            ..KvInsert::default()
        };
        let first = store.insert("key", "value", options).await.expect("stored");
        let entry = store.lookup("key").expect("a lookup").expect("an entry");
        assert_eq!(entry.metadata, "about it");
        assert_eq!((entry.generation, entry.length), (first, 5));
        assert_eq!(entry.expires, None);
        assert_eq!(bytes(entry.value).await, "value");

        let second = put(&store, "key", "").await;
        assert!(second > first);
        let entry = store.lookup("key").expect("a lookup").expect("an entry");
        assert_eq!(entry.metadata, "", "the last write named none");
        assert_eq!(bytes(entry.value).await, "");
        assert!(store.lookup("other").expect("a lookup").is_none());
    }
}

#[tokio::test]
async fn modes_say_what_becomes_of_a_value_that_is_there() {
    for store in Both::new().each() {
        for (how, there) in [
            (KvMode::Append, "b"),
            (KvMode::Append, "bb"),
            (KvMode::Prepend, "bbb"),
            (KvMode::Overwrite, "b"),
        ] {
            store.insert("key", "b", mode(how)).await.expect("stored");
            assert_eq!(text(&store, "key").await.as_deref(), Some(there), "{how:?}");
        }
        let added = store.insert("key", "new", mode(KvMode::Add)).await;
        assert_eq!(added, Err(KvError::Precondition));
        assert_eq!(text(&store, "key").await.as_deref(), Some("b"));
        let added = store.insert("other", "new", mode(KvMode::Add)).await;
        added.expect("it was not there");
        store
            .insert("third", "a", mode(KvMode::Prepend))
            .await
            .expect("stored");
        assert_eq!(text(&store, "third").await.as_deref(), Some("a"));
    }
}

#[tokio::test]
async fn pieces_of_large_values_are_joined_in_order() {
    let parts: Vec<Vec<u8>> = [1, 300_000, 700_001, 5, 262_144]
        .iter()
        .enumerate()
        .map(|(n, length)| vec![b'a' + n as u8; *length])
        .collect();
    for store in Both::new().each() {
        let (mut forwards, mut backwards) = (Vec::new(), Vec::new());
        for part in &parts {
            forwards.extend_from_slice(part);
            backwards.splice(0..0, part.iter().copied());
            let value = || Body::from(part.clone());
            store
                .insert("f", value(), mode(KvMode::Append))
                .await
                .expect("stored");
            store
                .insert("b", value(), mode(KvMode::Prepend))
                .await
                .expect("stored");
            for (key, wanted) in [("f", &forwards), ("b", &backwards)] {
                let entry = store.lookup(key).expect("a lookup").expect("an entry");
                assert!(bytes(entry.value).await == wanted.as_slice(), "{key}");
            }
        }
    }
}

#[tokio::test]
async fn a_generation_that_is_not_there_any_more_stops_a_write() {
    for store in Both::new().each() {
        let absent = store.insert("key", "x", generation(7)).await;
        assert_eq!(absent, Err(KvError::Precondition));
        let first = store.insert("key", "one", generation(0)).await;
        let first = first.expect("it was not there");
        let again = store.insert("key", "two", generation(0)).await;
        assert_eq!(again, Err(KvError::Precondition));
        let second = store.insert("key", "two", generation(first)).await;
        let second = second.expect("nobody wrote meanwhile");
        let late = store.insert("key", "three", generation(first)).await;
        assert_eq!(late, Err(KvError::Precondition));
        assert_eq!(store.delete("key").await, Ok(second));
        let gone = store.insert("key", "three", generation(second)).await;
        assert_eq!(gone, Err(KvError::Precondition), "not even after a delete");
    }
}

#[tokio::test]
async fn writers_who_compare_generations_lose_no_update() {
    const WRITERS: u64 = 8;
    const UPDATES: u64 = 25;
    for store in Both::new().each() {
        put(&store, "count", "0").await;
        let writer = || async {
            let mut done = 0;
            while done < UPDATES {
                let entry = store.lookup("count").expect("a lookup").expect("there");
                let seen = entry.generation;
                let count = bytes(entry.value).await;
                let count: u64 = String::from_utf8_lossy(&count).parse().expect("a number");
                tokio::task::yield_now().await;
                let next = (count + 1).to_string();
                match store.insert("count", next, generation(seen)).await {
                    Ok(_) => done += 1,
                    Err(error) => assert_eq!(error, KvError::Precondition),
                }
            }
        };
        futures_util::future::join_all((0..WRITERS).map(|_| writer())).await;
        let count = text(&store, "count").await.expect("there");
        assert_eq!(count, (WRITERS * UPDATES).to_string());
    }
}

#[tokio::test]
async fn deleting_says_whether_there_was_something() {
    for store in Both::new().each() {
        assert_eq!(store.delete("key").await, Err(KvError::NotFound));
        let written = put(&store, "key", "value").await;
        assert_eq!(store.delete("key").await, Ok(written));
        assert_eq!(text(&store, "key").await, None);
        assert_eq!(store.delete("key").await, Err(KvError::NotFound));
        let bad = store.delete("a/../b").await;
        assert_eq!(bad, Err(KvError::Key(KvKeyError::Dots)));
    }
}

#[tokio::test]
async fn deleting_a_generation_deletes_no_other() {
    for store in Both::new().each() {
        let absent = store.delete_if("key", 7).await;
        assert_eq!(absent, Err(KvError::Precondition));
        let first = put(&store, "key", "first").await;
        let second = put(&store, "key", "second").await;
        let stale = store.delete_if("key", first).await;
        assert_eq!(stale, Err(KvError::Precondition));
        assert_eq!(text(&store, "key").await.as_deref(), Some("second"));
        assert_eq!(store.delete_if("key", second).await, Ok(second));
        assert_eq!(text(&store, "key").await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_is_gone_at_once() {
    for store in Both::new().each() {
        let brief = || KvInsert {
            ttl: Some(hours(10)),
            ..KvInsert::default()
        };
        for key in ["a", "b", "c", "d"] {
            store.insert(key, "brief", brief()).await.expect("stored");
        }
        put(&store, "d", "for ever").await;
        tokio::time::advance(hours(9)).await;
        let entry = store.lookup("a").expect("a lookup").expect("still there");
        assert!(entry.expires.is_some());

        tokio::time::advance(hours(2)).await;
        assert_eq!(text(&store, "a").await, None);
        let page = store.list(&KvList::default()).expect("a page");
        assert_eq!(page.keys, ["d"]);
        assert_eq!(store.delete("a").await, Err(KvError::NotFound));
        let added = store.insert("b", "new", mode(KvMode::Add)).await;
        added.expect("it was not there any more");
        store
            .insert("c", "new", mode(KvMode::Append))
            .await
            .expect("stored");
        assert_eq!(text(&store, "c").await.as_deref(), Some("new"));
        assert_eq!(text(&store, "d").await.as_deref(), Some("for ever"));
    }
}

#[tokio::test]
async fn values_and_metadata_have_limits_that_appending_cannot_pass() {
    let largest = Bytes::from(vec![b'v'; limits::KV_VALUE]);
    for store in Both::new().each() {
        put(&store, "key", largest.clone()).await;
        let entry = store.lookup("key").expect("a lookup").expect("an entry");
        assert!(bytes(entry.value).await == largest);
        let mut longer = Body::from(largest.clone());
        longer.push_back("x");
        let too_large = Err(entry::too_large());
        assert_eq!(
            store.insert("key", longer, KvInsert::default()).await,
            too_large
        );
        for mode in [mode(KvMode::Append), mode(KvMode::Prepend)] {
            assert_eq!(store.insert("key", "x", mode).await, too_large);
        }
        let metadata = |length| KvInsert {
            metadata: vec![b'm'; length].into(),
            ..KvInsert::default()
        };
        let most = limits::KV_METADATA;
        store
            .insert("meta", "", metadata(most))
            .await
            .expect("stored");
        let more = store.insert("meta", "", metadata(most + 1)).await;
        assert_eq!(more, Err(KvError::Metadata { max: most }));
    }
}

#[tokio::test]
async fn a_value_that_breaks_off_is_not_stored() {
    for store in Both::new().each() {
        let (writer, body) = crate::http::channel(Body::from("begun"));
        drop(writer);
        let broken = store.insert("key", body, KvInsert::default()).await;
        assert!(matches!(broken, Err(KvError::Value(_))), "{broken:?}");
        assert_eq!(text(&store, "key").await, None);
    }
}

#[tokio::test]
async fn values_that_are_being_written_have_a_limit_together() {
    for store in Both::new().each() {
        let mut others = Charge::none_of(&store.0.shared.writing);
        others.grow(limits::KV_WRITING - 4).expect("at the limit");
        put(&store, "key", "four").await;
        let more = store.insert("key", "five!", KvInsert::default()).await;
        assert_eq!(more, Err(KvError::Busy));
        drop(others);
        put(&store, "key", "five!").await;
    }
}

#[tokio::test]
async fn full_stores_take_what_makes_them_smaller() {
    let max = 3 * limits::KV_ENTRY_COST;
    let directory = tempfile::tempdir().expect("a directory");
    let disk = KvStores::on_disk(directory.path(), max).expect("a database");
    for stores in [KvStores::in_memory(max), disk] {
        let (one, two) = (
            stores.create("1").expect("new"),
            stores.create("2").expect("new"),
        );
        let cost = usize::try_from(limits::KV_ENTRY_COST).expect("small");
        put(&one, "a", vec![0; 2 * cost - 1]).await;
        let full = Err(KvError::Full { max });
        let insert = |size: usize| two.insert("b", vec![0; size], KvInsert::default());
        assert_eq!(insert(0).await, full, "all stores count together");
        put(&one, "a", vec![0; cost - 2]).await;
        insert(cost).await.expect_err("one byte too many");
        insert(0).await.expect("it fits");
        one.delete("a").await.expect("it was there");
        insert(cost).await.expect("there is room again");
    }
}

#[tokio::test]
async fn a_store_that_was_removed_is_empty_and_takes_nothing() {
    let both = Both::new();
    for (stores, store) in both.stores.iter().zip(both.each()) {
        put(&store, "key", "value").await;
        assert_eq!(stores.remove("store"), Ok(true));
        assert_eq!(stores.remove("store"), Ok(false));
        assert!(stores.names().is_empty() && stores.get("store").is_none());
        assert_eq!(text(&store, "key").await, None);
        let late = store.insert("key", "late", KvInsert::default()).await;
        assert_eq!(late, Err(KvError::Removed));
        let new = stores.create("store").expect("a new one");
        assert_eq!(text(&new, "key").await, None);
    }
}

#[test]
fn stores_have_names_and_are_limited_in_number() {
    let stores = KvStores::default();
    assert_eq!(stores.create("").map(drop), Err(KvError::StoreName));
    let longest = "n".repeat(limits::STORE_NAME);
    stores.create(&longest).expect("as long as it may be");
    let longer = stores.create(&format!("{longest}n")).map(drop);
    assert_eq!(longer, Err(KvError::StoreName));
    for n in 1..limits::STORES {
        stores.create(&n.to_string()).expect("room");
    }
    let max = limits::STORES;
    assert_eq!(
        stores.create("more").map(drop),
        Err(KvError::Stores { max })
    );
    stores.create("1").expect("it is there");
}
