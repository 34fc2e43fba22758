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
#[cfg(test)]
mod tests;
mod usage;

use std::path::Path;
use std::sync::Arc;

use self::clock::Clock;
use self::disk::{Disk, DiskStore};
use self::entry::Write;
use self::list::Walk;
use self::memory::{Memory, MemoryStore};
use crate::http::{Body, Budget};
use crate::limits;
use crate::named::{Kind, Named};
use crate::state::StateError;

pub use self::entry::{KvEntry, KvInsert, KvMode};
pub use self::error::KvError;
pub use self::key::KvKeyError;
pub(crate) use self::key::check as check_key;
pub use self::list::{KvList, KvListMode, KvPage, KvPageMeta};
pub(crate) use self::pending::PendingWrite;
pub use self::seed::KvSeed;
pub use self::usage::KvUsage;

/// The KV stores of a [`State`](crate::State).
///
/// Cheap to clone; all clones are the same stores.
#[derive(Debug, Clone)]
pub struct KvStores(Arc<Stores>);

#[derive(Debug)]
struct Stores {
    named: Named<KvStore>,
    engine: Engine,
    shared: Arc<Shared>,
}

#[derive(Debug)]
enum Engine {
    Memory(Arc<Memory>),
    Disk(Arc<Disk>),
}

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
    Memory(MemoryStore),
    Disk(DiskStore),
}

const KIND: Kind = Kind {
    one: "KV store",
    section: "kv_stores",
};

impl Default for KvStores {
    /// None yet, in memory.
    fn default() -> Self {
        Self::in_memory(limits::KV_MEMORY)
    }
}

impl KvStores {
    fn in_memory(max: u64) -> Self {
        let shared = Shared::new();
        let first = clock::first_generation(shared.clock.now());
        Self(Arc::new(Stores {
            named: Named::new(KIND),
            engine: Engine::Memory(Arc::new(Memory::new(first, max))),
            shared,
        }))
    }

    /// Those in a directory.
    pub(crate) fn open(directory: &Path) -> Result<Self, StateError> {
        Self::on_disk(directory, limits::KV_DISK)
    }

    fn on_disk(directory: &Path, max: u64) -> Result<Self, StateError> {
        let shared = Shared::new();
        let (disk, stores) = Disk::open(directory, max, shared.clock.now())?;
        let named = Named::new(KIND);
        for (name, store) in stores {
            let store = KvStore::new(&name, StoreEngine::Disk(store), &shared);
            // There are no more than were made, which was limited.
            let _ = named.insert(&name, store);
        }
        Ok(Self(Arc::new(Stores {
            named,
            engine: Engine::Disk(disk),
            shared,
        })))
    }

    /// The names of all stores, in order.
    pub fn names(&self) -> Vec<String> {
        self.0.named.names()
    }

    /// The store of this name.
    pub fn get(&self, name: &str) -> Option<KvStore> {
        self.0.named.get(name)
    }

    /// The store of this name, made if there is none. With a state directory,
    /// this blocks until it is on the disk.
    ///
    /// # Errors
    /// If the name is empty or too long, there are too many stores, or the
    /// database fails.
    pub fn create(&self, name: &str) -> Result<KvStore, KvError> {
        if let Some(store) = self.get(name) {
            return Ok(store);
        }
        if name.is_empty() || name.len() > limits::STORE_NAME {
            return Err(KvError::StoreName);
        }
        if self.names().len() >= limits::STORES {
            return Err(KvError::Stores {
                max: limits::STORES,
            });
        }
        let engine = match &self.0.engine {
            Engine::Memory(memory) => StoreEngine::Memory(MemoryStore::new(Arc::clone(memory))),
            Engine::Disk(disk) => StoreEngine::Disk(disk.create(name)?),
        };
        let store = KvStore::new(name, engine, &self.0.shared);
        let made = self.0.named.get_or_insert(name, || store.clone());
        made.map_err(|_| KvError::Stores {
            max: limits::STORES,
        })
    }

    /// Removes a store with all that is in it; false if there is none of this
    /// name. A guest that has it open finds it empty and cannot write to it.
    /// With a state directory, this blocks until it is gone from the disk.
    ///
    /// # Errors
    /// If the database fails.
    pub fn remove(&self, name: &str) -> Result<bool, KvError> {
        let Some(store) = self.get(name) else {
            return Ok(false);
        };
        if !self.0.named.remove(name) {
            return Ok(false);
        }
        match &store.0.engine {
            StoreEngine::Memory(store) => store.remove(),
            StoreEngine::Disk(store) => store.remove(name)?,
        }
        Ok(true)
    }

    /// Makes a store, if there is none, and writes what it begins with.
    ///
    /// An entry is written unless these stores were seeded with the same
    /// content under this key the last time. So what programs do with it
    /// afterwards lasts, its deletion included, until the seed itself changes.
    pub(crate) fn seed(
        &self,
        name: &str,
        seeds: impl IntoIterator<Item = (String, KvSeed)>,
    ) -> Result<(), KvError> {
        let store = self.create(name)?;
        let now = store.0.shared.clock.now();
        let seeds = seeds
            .into_iter()
            .map(|(key, seed)| seed::prepare(key, seed, now))
            .collect::<Result<Vec<_>, _>>()?;
        match &store.0.engine {
            StoreEngine::Memory(store) => store.seed(seeds, now),
            StoreEngine::Disk(store) => store.seed(seeds, now),
        }
    }

    /// Warns once a name that a guest asked for what is not there.
    pub(crate) fn warn_unknown(&self, name: &str) {
        self.0.named.warn_unknown(name);
    }
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
