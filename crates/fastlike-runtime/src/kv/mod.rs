//! KV stores: values by key, with metadata, a time to live and a generation.
//!
//! Two engines keep them: `memory` in a map, `disk` in a database. The rules
//! of what a write does are in `entry`, the same for both.

mod clock;
mod disk;
mod entry;
mod error;
mod gather;
mod key;
mod list;
mod memory;
mod pending;
mod seed;
mod stores;
#[cfg(test)]
mod tests;
mod usage;

use std::sync::Arc;

use self::clock::Clock;
use self::disk::DiskStore;
use self::entry::Write;
use self::list::Walk;
use self::memory::MemoryStore;
use crate::http::{Body, Budget};
use crate::limits;

pub use self::entry::{KvEntry, KvInsert, KvMode};
pub use self::error::KvError;
pub use self::key::KvKeyError;
pub(crate) use self::key::check as check_key;
pub use self::list::{KvList, KvListMode, KvPage, KvPageMeta};
pub(crate) use self::pending::PendingWrite;
pub use self::seed::KvSeed;
pub use self::stores::KvStores;
pub(crate) use self::stores::Seeds;
pub use self::usage::KvUsage;

/// What every store needs.
#[derive(Debug)]
struct Shared {
    clock: Clock,
    /// Memory for values that are being written.
    writing: Budget,
}

/// A KV store. Cheap to clone; all clones are the same store.
#[derive(Debug, Clone)]
pub struct KvStore(Arc<Store>);

#[derive(Debug)]
struct Store {
    name: String,
    engine: StoreEngine,
    shared: Arc<Shared>,
}

#[derive(Debug)]
enum StoreEngine {
    Memory(Arc<MemoryStore>),
    Disk(DiskStore),
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            clock: Clock::new(),
            writing: Budget::new(limits::KV_WRITING),
        })
    }
}

impl KvStore {
    fn new(name: &str, engine: StoreEngine, shared: &Arc<Shared>) -> Self {
        Self(Arc::new(Store {
            name: name.to_owned(),
            engine,
            shared: Arc::clone(shared),
        }))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The entry of a key; `None` if there is none, or it has expired.
    ///
    /// Never waits for a write. A large value on a disk is read while its
    /// body is.
    ///
    /// # Errors
    /// If the key cannot be one, or the database fails.
    pub fn lookup(&self, key: &str) -> Result<Option<KvEntry>, KvError> {
        key::check(key)?;
        let now = self.0.shared.clock.now();
        match &self.0.engine {
            StoreEngine::Memory(store) => Ok(store.lookup(key, now)),
            StoreEngine::Disk(store) => store.lookup(key, now),
        }
    }

    /// Stores a value and gives the generation of this write. What it was
    /// told here is not lost in a crash, if there is a state directory.
    ///
    /// # Errors
    /// If the options forbid it, something is longer than it may be, the value
    /// fails, or the database does.
    pub async fn insert(
        &self,
        key: &str,
        value: impl Into<Body>,
        options: KvInsert,
    ) -> Result<u64, KvError> {
        let begun = self.begin_insert(key, value.into(), options).await;
        begun?.finish().await
    }

    /// Reads the value and begins to store it.
    pub(crate) async fn begin_insert(
        &self,
        key: &str,
        value: Body,
        options: KvInsert,
    ) -> Result<PendingWrite, KvError> {
        key::check(key)?;
        entry::check_metadata(&options.metadata)?;
        let (value, charge) = gather::gather(value, &self.0.shared.writing).await?;
        let now = self.0.shared.clock.now();
        let write = Write::new(value, options, now)?;
        Ok(match &self.0.engine {
            StoreEngine::Memory(store) => PendingWrite::Done(store.insert(key, &write, now)),
            StoreEngine::Disk(store) => store.insert(key.to_owned(), write, charge, now).await,
        })
    }

    /// Deletes a key and gives the generation that it had.
    ///
    /// # Errors
    /// [`KvError::NotFound`] if it was not there; if the key cannot be one, or
    /// the database fails.
    pub async fn delete(&self, key: &str) -> Result<u64, KvError> {
        self.begin_delete(key, None).await?.finish().await
    }

    /// Deletes a key if it has this generation.
    ///
    /// # Errors
    /// As [`KvStore::delete`]; [`KvError::Precondition`] if it has another, or
    /// is not there.
    pub async fn delete_if(&self, key: &str, generation: u64) -> Result<u64, KvError> {
        let begun = self.begin_delete(key, Some(generation)).await;
        begun?.finish().await
    }

    /// Begins to delete a key, of any generation or of this one.
    pub(crate) async fn begin_delete(
        &self,
        key: &str,
        generation: Option<u64>,
    ) -> Result<PendingWrite, KvError> {
        key::check(key)?;
        let now = self.0.shared.clock.now();
        Ok(match &self.0.engine {
            StoreEngine::Memory(store) => PendingWrite::Done(store.delete(key, generation, now)),
            StoreEngine::Disk(store) => store.delete(key.to_owned(), generation, now).await,
        })
    }

    /// Keys in the order of their bytes, up to 1000 at a time. Never waits
    /// for a write.
    ///
    /// # Errors
    /// If the cursor is none, or the database fails.
    pub fn list(&self, list: &KvList) -> Result<KvPage, KvError> {
        let mut walk = Walk::new(list)?;
        let now = self.0.shared.clock.now();
        match &self.0.engine {
            StoreEngine::Memory(store) => store.list(&mut walk, now),
            StoreEngine::Disk(store) => store.list(&mut walk, now)?,
        }
        Ok(walk.page())
    }
}
