//! How much the stores hold.

use super::stores::Engine;
use super::{KvError, KvStores, StoreEngine};

/// How much all stores hold together, at one moment. What has expired counts
/// until it is swept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KvUsage {
    /// Entries.
    pub entries: u64,
    /// Bytes of keys, metadata and values, with a part for each entry itself.
    pub bytes: u64,
    /// How many there may be.
    pub max_bytes: u64,
}

impl KvStores {
    /// How much all stores hold together. Never waits for a write.
    ///
    /// # Errors
    /// If the database fails.
    pub fn usage(&self) -> Result<KvUsage, KvError> {
        match &self.0.engine {
            Engine::Disk(disk) => disk.usage(),
            Engine::Memory(memory) => {
                let stores = self.names().into_iter().filter_map(|name| self.get(&name));
                let entries = stores.map(|store| match &store.0.engine {
                    StoreEngine::Memory(store) => store.len() as u64,
                    StoreEngine::Disk(_) => 0,
                });
                let (bytes, max_bytes) = memory.usage();
                Ok(KvUsage {
                    entries: entries.sum(),
                    bytes,
                    max_bytes,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::kv::KvInsert;
    use crate::{KvStores, State};

    async fn entries_and_bytes_are_counted(stores: &KvStores) {
        let before = stores.usage().expect("readable");
        assert_eq!((before.entries, before.bytes), (0, 0));
        for name in ["one", "two"] {
            let store = stores.create(name).expect("a name");
            let stored = store.insert("key", vec![0; 1_000], KvInsert::default());
            stored.await.expect("stored");
        }
        let after = stores.usage().expect("readable");
        assert_eq!(after.entries, 2);
        assert!((2_000..3_000).contains(&after.bytes), "{after:?}");
        assert!(after.max_bytes > after.bytes);
        let store = stores.get("one").expect("made");
        store.delete("key").await.expect("there");
        let fewer = stores.usage().expect("readable");
        assert_eq!((fewer.entries, fewer.bytes), (1, after.bytes / 2));
    }

    #[tokio::test]
    async fn what_is_in_memory_is_counted() {
        entries_and_bytes_are_counted(State::in_memory().kv_stores()).await;
    }

    #[tokio::test]
    async fn what_is_on_a_disk_is_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State::open(folder.path()).expect("a state");
        entries_and_bytes_are_counted(state.kv_stores()).await;
    }
}
