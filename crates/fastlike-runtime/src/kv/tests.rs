//! What both engines do, and what only one of them does.

mod lasting;
mod listing;
mod room;
mod stores;
mod writing;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use tempfile::TempDir;

use super::memory::Memory;
use super::stores::Engine;
use super::*;

/// A store in memory, and one in a directory.
struct Both {
    stores: [KvStores; 2],
    directory: TempDir,
}

impl Both {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let disk = KvStores::open(directory.path()).expect("a database");
        Self {
            stores: [KvStores::default(), disk],
            directory,
        }
    }

    /// A store of each.
    fn each(&self) -> impl Iterator<Item = KvStore> {
        self.stores
            .iter()
            .map(|stores| stores.create("store").expect("a store"))
    }
}

async fn text(store: &KvStore, key: &str) -> Option<String> {
    let entry = store.lookup(key).expect("a lookup")?;
    let value = bytes(entry.value).await;
    Some(String::from_utf8(value.to_vec()).expect("text"))
}

async fn bytes(body: Body) -> Bytes {
    let known = body.known_length();
    let bytes = body.collect().await.expect("a whole value").to_bytes();
    assert_eq!(known, Some(bytes.len() as u64), "the length is known");
    bytes
}

async fn put(store: &KvStore, key: &str, value: impl Into<Body>) -> u64 {
    let options = KvInsert::default();
    store.insert(key, value, options).await.expect("stored")
}

/// Seeds the store `store`.
fn sow(
    stores: &KvStores,
    seeds: impl IntoIterator<Item = (String, KvSeed)>,
) -> Result<(), (String, KvError)> {
    stores.sow(Seeds::from([(
        "store".to_owned(),
        seeds.into_iter().collect(),
    )]))
}

fn mode(mode: KvMode) -> KvInsert {
    KvInsert {
        mode,
        ..KvInsert::default()
    }
}

/// Times of entries are as long as that: the time of day goes on while disks
/// are slow, also in a test that pauses tokio's.
fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3_600)
}

fn ttl(time: Duration) -> KvInsert {
    KvInsert {
        ttl: Some(time),
        ..KvInsert::default()
    }
}

fn generation(generation: u64) -> KvInsert {
    KvInsert {
        if_generation_match: Some(generation),
        ..KvInsert::default()
    }
}
