//! The engine that keeps everything in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use super::clock::Millis;
use super::entry::{self, KvEntry, Meta, Place, Write};
use super::error::KvError;
use super::list::Walk;
use super::pending::Written;
use super::seed::{Digest, Seed};
use crate::http::Body;

/// Expired entries that a write sweeps away before it does its own work.
const SWEEP: usize = 16;

/// What all stores have in common.
#[derive(Debug)]
pub(super) struct Memory {
    /// The generation of the last write.
    generation: AtomicU64,
    /// Bytes that are stored.
    used: AtomicU64,
    max: u64,
    /// All stores, to sweep them.
    stores: Mutex<Vec<Weak<MemoryStore>>>,
}

impl Memory {
    pub(super) fn new(first_generation: u64, max: u64) -> Self {
        Self {
            generation: AtomicU64::new(first_generation),
            used: AtomicU64::new(0),
            max,
            stores: Mutex::default(),
        }
    }

    /// Bytes that are stored, and how many there may be.
    pub(super) fn usage(&self) -> (u64, u64) {
        (self.used.load(Ordering::Relaxed), self.max)
    }

    /// Takes room for so many bytes, for which what has expired is swept from
    /// all stores if it must be.
    pub(super) fn reserve(&self, bytes: u64, now: Millis) -> Result<(), KvError> {
        self.exchange(0, bytes).or_else(|_| {
            self.sweep(now);
            self.exchange(0, bytes)
        })
    }

    /// Gives room back.
    pub(super) fn release(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Takes away all that has expired. Nobody who calls this may write.
    fn sweep(&self, now: Millis) {
        let stores = self.stores.lock().clone();
        for store in stores.iter().filter_map(Weak::upgrade) {
            let mut writer = store.writer.lock();
            while store.sweep_one(&mut writer, now) {}
        }
    }

    /// Takes room for `new` bytes where `old` were.
    pub(super) fn exchange(&self, old: u64, new: u64) -> Result<(), KvError> {
        let exchanged = |used: u64| {
            let after = used.saturating_sub(old).saturating_add(new);
            (after <= self.max || new <= old).then_some(after)
        };
        let order = Ordering::Relaxed;
        let changed = self.used.fetch_update(order, order, exchanged);
        changed.map_err(|_| KvError::Full { max: self.max })?;
        Ok(())
    }
}

/// One store.
///
/// Readers wait for nothing but a change of the map itself: the work of a
/// write, such as appending to a large value, is done outside the map's lock,
/// under one that only writers take.
#[derive(Debug)]
pub(super) struct MemoryStore {
    shared: Arc<Memory>,
    entries: RwLock<BTreeMap<Box<str>, Arc<Entry>>>,
    writer: Mutex<Writer>,
    removed: AtomicBool,
}

#[derive(Debug)]
struct Entry {
    meta: Meta,
    value: Bytes,
}

#[derive(Debug, Default)]
struct Writer {
    /// Which keys expire, the first ones first.
    expiries: BTreeSet<(Millis, Box<str>)>,
    seeds: HashMap<String, Digest>,
}

impl MemoryStore {
    pub(super) fn new(shared: &Arc<Memory>) -> Arc<Self> {
        let store = Arc::new(Self {
            shared: Arc::clone(shared),
            entries: RwLock::default(),
            writer: Mutex::default(),
            removed: AtomicBool::new(false),
        });
        let mut stores = shared.stores.lock();
        stores.retain(|store| store.strong_count() > 0);
        stores.push(Arc::downgrade(&store));
        store
    }

    /// How many entries there are, also those that expired and were not
    /// swept.
    pub(super) fn len(&self) -> usize {
        self.entries.read().len()
    }

    fn live(&self, key: &str, now: Millis) -> Option<Arc<Entry>> {
        let entry = self.entries.read().get(key).cloned();
        entry.filter(|entry| entry.meta.is_live(now))
    }

    pub(super) fn lookup(&self, key: &str, now: Millis) -> Option<KvEntry> {
        let entry = self.live(key, now)?;
        let value = Body::from(entry.value.clone());
        Some(entry.meta.entry(value, entry.value.len()))
    }

    pub(super) fn list(&self, walk: &mut Walk, now: Millis) {
        let entries = self.entries.read();
        let range = entries.range::<str, _>((walk.start(), Bound::Unbounded));
        for (key, entry) in range {
            if !walk.wants(key) {
                break;
            }
            if entry.meta.is_live(now) {
                walk.take(key);
            }
        }
    }

    pub(super) fn insert(&self, key: &str, write: &Write, now: Millis) -> Written {
        let insert = || {
            let mut writer = self.writer.lock();
            self.sweep(&mut writer, now);
            let room = |before, after| self.shared.exchange(before, after);
            self.put(&mut writer, key, write, now, room)
        };
        match insert() {
            Err(KvError::Full { .. }) => {
                self.shared.sweep(now);
                insert()
            }
            written => written,
        }
    }

    /// Puts an entry in. `room` takes its size where another one was.
    fn put(
        &self,
        writer: &mut Writer,
        key: &str,
        write: &Write,
        now: Millis,
        room: impl Fn(u64, u64) -> Result<(), KvError>,
    ) -> Written {
        if self.removed.load(Ordering::Acquire) {
            return Err(KvError::Removed);
        }
        let there = self.entries.read().get(key).cloned();
        let old = there.as_ref().filter(|old| old.meta.is_live(now));
        let (place, length) = write.place(old.map(|old| &old.meta))?;
        let generation = 1 + self.shared.generation.fetch_add(1, Ordering::Relaxed);
        let meta = write.meta(generation, length);
        let before = there.as_ref().map_or(0, |there| there.meta.size(key));
        room(before, meta.size(key))?;
        let value = match (place, old) {
            (Place::AfterOld, Some(old)) => join(&old.value, &write.value),
            (Place::BeforeOld, Some(old)) => join(&write.value, &old.value),
            (Place::Alone | Place::AfterOld | Place::BeforeOld, _) => write.value.clone(),
        };
        forget_expiry(writer, key, there.as_deref());
        if let Some(expires) = meta.expires {
            writer.expiries.insert((expires, key.into()));
        }
        let entry = Arc::new(Entry { meta, value });
        // What is freed is freed after the lock.
        let freed = match there {
            None => self.entries.write().insert(key.into(), entry),
            Some(_) => {
                let mut entries = self.entries.write();
                entries
                    .get_mut(key)
                    .map(|slot| std::mem::replace(slot, entry))
            }
        };
        drop(freed);
        Ok(generation)
    }

    /// Deletes a key, of any generation or of this one.
    pub(super) fn delete(&self, key: &str, generation: Option<u64>, now: Millis) -> Written {
        let mut writer = self.writer.lock();
        self.sweep(&mut writer, now);
        let live = self.live(key, now);
        entry::check_generation(generation, live.as_deref().map(|entry| &entry.meta))?;
        let there = self.take(&mut writer, key).ok_or(KvError::NotFound)?;
        if there.meta.is_live(now) {
            Ok(there.meta.generation)
        } else {
            Err(KvError::NotFound)
        }
    }

    fn take(&self, writer: &mut Writer, key: &str) -> Option<Arc<Entry>> {
        let there = self.entries.write().remove(key)?;
        forget_expiry(writer, key, Some(&there));
        self.shared.release(there.meta.size(key));
        Some(there)
    }

    fn sweep(&self, writer: &mut Writer, now: Millis) {
        for _ in 0..SWEEP {
            if !self.sweep_one(writer, now) {
                return;
            }
        }
    }

    /// Takes away an entry that has expired; false if there is none.
    fn sweep_one(&self, writer: &mut Writer, now: Millis) -> bool {
        if writer.expiries.first().is_none_or(|first| first.0 > now) {
            return false;
        }
        if let Some((_, key)) = writer.expiries.pop_first() {
            drop(self.take(writer, &key));
        }
        true
    }

    /// How much more room is needed for those seeds whose content is another
    /// than the last time.
    pub(super) fn size_of_new(&self, seeds: &[Seed]) -> u64 {
        let writer = self.writer.lock();
        let entries = self.entries.read();
        let (mut before, mut after) = (0_u64, 0_u64);
        for Seed { key, write, .. } in seeds.iter().filter(|seed| writer.is_new(seed)) {
            let there = entries.get(key.as_str());
            before = before.saturating_add(there.map_or(0, |there| there.meta.size(key)));
            let meta = write.meta(0, write.value.len() as u64);
            after = after.saturating_add(meta.size(key));
        }
        after.saturating_sub(before)
    }

    /// Writes the seeds whose content is another than the last time. There is
    /// room for them, which was reserved.
    pub(super) fn seed(&self, seeds: Vec<Seed>, now: Millis) {
        let mut writer = self.writer.lock();
        let mut digests = HashMap::new();
        for seed in seeds {
            if writer.is_new(&seed) {
                let reserved = |before, after| {
                    self.shared.used.fetch_add(after, Ordering::Relaxed);
                    self.shared.release(before);
                    Ok(())
                };
                // Nothing is left that could be wrong with it.
                let _ = self.put(&mut writer, &seed.key, &seed.write, now, reserved);
            }
            digests.insert(seed.key, seed.digest);
        }
        writer.seeds = digests;
    }

    /// Frees everything, if there is nothing but what has expired.
    pub(super) fn remove_if_empty(&self, now: Millis) -> bool {
        let mut writer = self.writer.lock();
        let is_live = |entry: &Arc<Entry>| entry.meta.is_live(now);
        if self.entries.read().values().any(is_live) {
            return false;
        }
        self.free(&mut writer);
        true
    }

    /// Frees everything; later writes fail.
    pub(super) fn remove(&self) {
        self.free(&mut self.writer.lock());
    }

    fn free(&self, writer: &mut Writer) {
        self.removed.store(true, Ordering::Release);
        writer.expiries = BTreeSet::new();
        let entries = std::mem::take(&mut *self.entries.write());
        let size = entries
            .iter()
            .map(|(key, entry)| entry.meta.size(key))
            .sum();
        self.shared.release(size);
    }
}

impl Writer {
    /// True unless the last seeds had the same content under this key.
    fn is_new(&self, seed: &Seed) -> bool {
        self.seeds.get(&seed.key) != Some(&seed.digest)
    }
}

fn forget_expiry(writer: &mut Writer, key: &str, entry: Option<&Entry>) {
    if let Some(expires) = entry.and_then(|entry| entry.meta.expires) {
        writer.expiries.remove(&(expires, Box::from(key)));
    }
}

fn join(first: &Bytes, second: &Bytes) -> Bytes {
    let mut joined = Vec::with_capacity(first.len().saturating_add(second.len()));
    joined.extend_from_slice(first);
    joined.extend_from_slice(second);
    joined.into()
}
