//! All stores together: which there are, and what they begin with.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::clock::{self, Millis};
use super::disk::Disk;
use super::memory::{Memory, MemoryStore};
use super::seed::{self, Planted, Seed};
use super::{KvError, KvSeed, KvStore, Shared, StoreEngine};
use crate::limits;
use crate::named::{Kind, Named};
use crate::state::StateError;

/// The KV stores of a [`State`](crate::State).
///
/// Cheap to clone; all clones are the same stores.
#[derive(Debug, Clone)]
pub struct KvStores(pub(super) Arc<Stores>);

#[derive(Debug)]
pub(super) struct Stores {
    named: Named<KvStore>,
    pub(super) engine: Engine,
    shared: Arc<Shared>,
    /// Held by who makes or removes stores, so that the names and what the
    /// engine has of them change together.
    changing: Mutex<()>,
}

#[derive(Debug)]
pub(super) enum Engine {
    Memory(Arc<Memory>),
    Disk(Arc<Disk>),
}

const KIND: Kind = Kind {
    one: "KV store",
    section: "kv_stores",
};

/// A store in memory with its name, whether it is new, and its seeds.
type Sown = (String, bool, Arc<MemoryStore>, Vec<Seed>);

/// What stores begin with, by the store's name.
pub(crate) type Seeds = BTreeMap<String, BTreeMap<String, KvSeed>>;

impl Default for KvStores {
    /// None yet, in memory.
    fn default() -> Self {
        Self::in_memory(limits::KV_MEMORY)
    }
}

impl KvStores {
    pub(super) fn in_memory(max: u64) -> Self {
        let shared = Shared::new();
        let first = clock::first_generation(shared.clock.now());
        let engine = Engine::Memory(Arc::new(Memory::new(first, max)));
        Self::of(engine, Named::new(KIND), shared)
    }

    /// Those in a directory.
    pub(crate) fn open(directory: &Path) -> Result<Self, StateError> {
        Self::on_disk(directory, limits::KV_DISK)
    }

    pub(super) fn on_disk(directory: &Path, max: u64) -> Result<Self, StateError> {
        let shared = Shared::new();
        let (disk, stores) = Disk::open(directory, max, shared.clock.now())?;
        let named = Named::new(KIND);
        for (name, store) in stores {
            let store = KvStore::new(&name, StoreEngine::Disk(store), &shared);
            // There are no more than were made, which was limited.
            let _ = named.insert(&name, store);
        }
        Ok(Self::of(Engine::Disk(disk), named, shared))
    }

    fn of(engine: Engine, named: Named<KvStore>, shared: Arc<Shared>) -> Self {
        Self(Arc::new(Stores {
            named,
            engine,
            shared,
            changing: Mutex::new(()),
        }))
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
        let _changing = self.0.changing.lock();
        match self.get(name) {
            Some(store) => Ok(store),
            None => self.make(name),
        }
    }

    /// As [`KvStores::create`], and none if there is a store of this name.
    ///
    /// # Errors
    /// As [`KvStores::create`].
    pub fn create_new(&self, name: &str) -> Result<Option<KvStore>, KvError> {
        let _changing = self.0.changing.lock();
        if self.get(name).is_some() {
            return Ok(None);
        }
        self.make(name).map(Some)
    }

    /// Makes a store of a name that none has, while nobody else does.
    fn make(&self, name: &str) -> Result<KvStore, KvError> {
        check_name(name)?;
        self.check_room(1)?;
        let engine = match &self.0.engine {
            Engine::Memory(memory) => StoreEngine::Memory(MemoryStore::new(memory)),
            Engine::Disk(disk) => StoreEngine::Disk(disk.create(name)?),
        };
        self.add(name, engine)
    }

    fn add(&self, name: &str, engine: StoreEngine) -> Result<KvStore, KvError> {
        let store = KvStore::new(name, engine, &self.0.shared);
        let added = self.0.named.insert(name, store.clone());
        added.map_err(|_| too_many())?;
        Ok(store)
    }

    /// Checks that there may be so many stores more.
    fn check_room(&self, more: usize) -> Result<(), KvError> {
        if self.names().len().saturating_add(more) > limits::STORES {
            return Err(too_many());
        }
        Ok(())
    }

    /// Removes a store with all that is in it; false if there is none of this
    /// name. A guest that has it open finds it empty and cannot write to it.
    /// With a state directory, this blocks until it is gone from the disk.
    ///
    /// # Errors
    /// If the database fails; then the store is there as before.
    pub fn remove(&self, name: &str) -> Result<bool, KvError> {
        let _changing = self.0.changing.lock();
        let Some(store) = self.get(name) else {
            return Ok(false);
        };
        match &store.0.engine {
            StoreEngine::Memory(store) => store.remove(),
            StoreEngine::Disk(store) => store.remove(name)?,
        }
        Ok(self.0.named.remove(name))
    }

    /// Removes a store that has no keys; false if it has some. No write comes
    /// between the look and the removal.
    ///
    /// # Errors
    /// [`KvError::Removed`] if there is no store of this name; as
    /// [`KvStores::remove`].
    pub fn remove_if_empty(&self, name: &str) -> Result<bool, KvError> {
        let _changing = self.0.changing.lock();
        let store = self.get(name).ok_or(KvError::Removed)?;
        let now = self.0.shared.clock.now();
        let removed = match &store.0.engine {
            StoreEngine::Memory(store) => store.remove_if_empty(now),
            StoreEngine::Disk(store) => store.remove_if_empty(name, now)?,
        };
        Ok(removed && self.0.named.remove(name))
    }

    /// Makes the stores that are not there, and writes what they begin with:
    /// all of it, or nothing.
    ///
    /// An entry is written unless these stores were seeded with the same
    /// content under this key the last time. So what programs do with it
    /// afterwards lasts, its deletion included, until the seed itself changes.
    ///
    /// # Errors
    /// The name of a store, and what is wrong with it.
    pub(crate) fn sow(&self, seeds: Seeds) -> Result<(), (String, KvError)> {
        let now = self.0.shared.clock.now();
        let planted: Vec<Planted> = seeds
            .into_iter()
            .map(|(name, seeds)| planted(name, seeds, now))
            .collect::<Result<_, _>>()?;
        let _changing = self.0.changing.lock();
        let is_new = |planted: &&Planted| self.get(&planted.store).is_none();
        if let Some(first) = planted.iter().find(is_new) {
            let new = planted.iter().filter(is_new).count();
            let told = |error| (first.store.clone(), error);
            self.check_room(new).map_err(told)?;
        }
        match &self.0.engine {
            Engine::Memory(memory) => self.sow_in_memory(memory, planted, now),
            Engine::Disk(disk) => self.sow_on_disk(disk, planted, now),
        }
    }

    fn sow_in_memory(
        &self,
        memory: &Arc<Memory>,
        planted: Vec<Planted>,
        now: Millis,
    ) -> Result<(), (String, KvError)> {
        let mut stores = Vec::new();
        for Planted { store: name, seeds } in planted {
            let there = self.get(&name);
            let store = match there.as_ref().map(|store| &store.0.engine) {
                Some(StoreEngine::Memory(store)) => Arc::clone(store),
                _ => MemoryStore::new(memory),
            };
            stores.push((name, there.is_none(), store, seeds));
        }
        // Room for all of it is taken before anything is changed.
        let mut taken = 0_u64;
        for (name, _, store, seeds) in &stores {
            let size = store.size_of_new(seeds);
            if let Err(error) = memory.reserve(size, now) {
                memory.release(taken);
                return Err((name.clone(), error));
            }
            taken = taken.saturating_add(size);
        }
        let sown = self.sow_reserved(stores, now);
        memory.release(taken);
        sown
    }

    fn sow_reserved(&self, stores: Vec<Sown>, now: Millis) -> Result<(), (String, KvError)> {
        for (name, is_new, store, seeds) in stores {
            store.seed(seeds, now);
            if is_new {
                let told = |error| (name.clone(), error);
                self.add(&name, StoreEngine::Memory(store)).map_err(told)?;
            }
        }
        Ok(())
    }

    fn sow_on_disk(
        &self,
        disk: &Arc<Disk>,
        planted: Vec<Planted>,
        now: Millis,
    ) -> Result<(), (String, KvError)> {
        for (name, store) in disk.sow(planted, now)? {
            if self.get(&name).is_none() {
                let told = |error| (name.clone(), error);
                self.add(&name, StoreEngine::Disk(store)).map_err(told)?;
            }
        }
        Ok(())
    }

    /// Warns once a name that a guest asked for what is not there.
    pub(crate) fn warn_unknown(&self, name: &str) {
        self.0.named.warn_unknown(name);
    }
}

fn planted(
    store: String,
    seeds: BTreeMap<String, KvSeed>,
    now: Millis,
) -> Result<Planted, (String, KvError)> {
    let prepared = check_name(&store).and_then(|()| {
        let seeds = seeds.into_iter();
        seeds
            .map(|(key, seed)| seed::prepare(key, seed, now))
            .collect()
    });
    match prepared {
        Ok(seeds) => Ok(Planted { store, seeds }),
        Err(error) => Err((store, error)),
    }
}

fn check_name(name: &str) -> Result<(), KvError> {
    if name.is_empty() || name.len() > limits::STORE_NAME {
        return Err(KvError::StoreName);
    }
    Ok(())
}

fn too_many() -> KvError {
    KvError::Stores {
        max: limits::STORES,
    }
}
