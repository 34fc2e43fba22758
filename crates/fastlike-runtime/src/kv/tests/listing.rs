//! Listings.

use super::*;

/// All keys that a listing has, page by page, and how many pages there were.
fn walk(store: &KvStore, prefix: Option<&str>, limit: u32) -> (Vec<String>, usize) {
    let (mut keys, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let list = KvList {
            prefix: prefix.map(str::to_owned),
            cursor,
            limit: Some(limit),
            mode: KvListMode::Strong,
        };
        let page = store.list(&list).expect("a page");
        assert!(page.keys.len() <= limit as usize);
        cursor = page.next_cursor().map(str::to_owned);
        keys.extend(page.keys);
        pages += 1;
        if cursor.is_none() {
            return (keys, pages);
        }
    }
}

#[tokio::test]
async fn keys_are_listed_in_the_order_of_their_bytes() {
    let mut keys = vec![
        "B",
        "a",
        "aa",
        "a/b",
        "z",
        "é",
        "~",
        "A\u{1}",
        "\u{10ffff}",
        "日本",
    ];
    for store in Both::new().each() {
        for key in &keys {
            put(&store, key, "").await;
        }
        keys.sort_by_key(|key| key.as_bytes());
        for limit in [1, 3, 10, 11] {
            let (listed, pages) = walk(&store, None, limit);
            assert_eq!(listed, keys);
            assert_eq!(pages, keys.len().div_ceil(limit as usize));
        }
    }
}

#[tokio::test]
async fn a_prefix_is_listed_over_several_pages_and_nothing_beside_it() {
    for store in Both::new().each() {
        for n in 0..25 {
            put(&store, &format!("user/{n:02}"), "").await;
        }
        for beside in ["user", "user.", "user0", "users/1", "t", "v"] {
            put(&store, beside, "").await;
        }
        let (keys, pages) = walk(&store, Some("user/"), 10);
        assert_eq!((keys.len(), pages), (25, 3));
        assert!(keys.iter().all(|key| key.starts_with("user/")));
        assert_eq!(walk(&store, Some("nobody"), 10), (vec![], 1));
    }
}

#[tokio::test]
async fn a_hundred_thousand_keys_are_listed_by_cursor() {
    const KEYS: usize = 100_000;
    let both = Both::new();
    for stores in &both.stores {
        let key = |n: usize| format!("key/{:05}", n * 7_919 % KEYS);
        let seeds = (0..KEYS).map(|n| (key(n), KvSeed::from("")));
        sow(stores, seeds).expect("stored");
        let store = stores.get("store").expect("there");
        let (keys, pages) = walk(&store, None, limits::KV_LIST);
        assert_eq!(pages, KEYS / limits::KV_LIST as usize);
        assert!(keys.is_sorted() && keys.len() == KEYS);
        assert_eq!(keys.last().map(String::as_str), Some("key/99999"));
    }
}

#[tokio::test]
async fn pages_have_a_size_of_their_own_and_a_largest_one() {
    for store in Both::new().each() {
        for n in 0..=limits::KV_LIST {
            let key = format!("{n:04}");
            let begun = store.begin_insert(&key, Body::empty(), KvInsert::default());
            let begun = begun.await.expect("begun");
            // The others are not waited for, so that they share commits.
            if n == limits::KV_LIST {
                begun.finish().await.expect("stored");
            }
        }
        let size = |limit| {
            let list = KvList {
                limit,
                ..KvList::default()
            };
            let page = store.list(&list).expect("a page");
            assert_eq!(page.meta.limit as usize, page.keys.len());
            assert!(page.next_cursor().is_some());
            page.meta.limit
        };
        assert_eq!(size(None), limits::KV_LIST_DEFAULT);
        assert_eq!(size(Some(0)), limits::KV_LIST_DEFAULT);
        assert_eq!(size(Some(limits::KV_LIST)), limits::KV_LIST);
        assert_eq!(size(Some(limits::KV_LIST + 1)), limits::KV_LIST);
    }
}

#[tokio::test]
async fn a_page_is_the_platforms_json() {
    for store in Both::new().each() {
        for key in ["a", "ab\"", "b"] {
            put(&store, key, "").await;
        }
        let json = |list: &KvList| {
            let page = store.list(list).expect("a page");
            serde_json::to_string(&page).expect("JSON")
        };
        assert_eq!(
            json(&KvList::default()),
            r#"{"data":["a","ab\"","b"],"meta":{"limit":100}}"#
        );
        let list = KvList {
            prefix: Some("a".to_owned()),
            limit: Some(1),
            mode: KvListMode::Eventual,
            ..KvList::default()
        };
        assert_eq!(
            json(&list),
            r#"{"data":["a"],"meta":{"limit":1,"prefix":"a","next_cursor":"YQ==","consistency":"eventual"}}"#
        );
    }
}

#[tokio::test]
async fn a_cursor_that_no_listing_gave_is_refused() {
    for store in Both::new().each() {
        for cursor in ["*", "/w=="] {
            let list = KvList {
                cursor: Some(cursor.to_owned()),
                ..KvList::default()
            };
            assert_eq!(store.list(&list), Err(KvError::Cursor), "{cursor}");
        }
    }
}
