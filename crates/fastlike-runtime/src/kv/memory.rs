//! The engine that keeps everything in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use super::clock::Millis;
use super::entry::{self, KvEntry, Meta, Place, Write};
use super::error::KvError;
use super::list::Walk;
use super::pending::Written;
use super::seed::Digest;
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
}

impl Memory {
    pub(super) fn new(first_generation: u64, max: u64) -> Self {
        Self {
            generation: AtomicU64::new(first_generation),
            used: AtomicU64::new(0),
            max,
        }
    }

    /// Bytes that are stored, and how many there may be.
    pub(super) fn usage(&self) -> (u64, u64) {
        (self.used.load(Ordering::Relaxed), self.max)
    }

    /// Takes room for `new` bytes where `old` were.
    pub(super) fn exchange(&self, old: u64, new: u64) -> Result<(), KvError> {
        let used = self.used.fetch_add(new, Ordering::Relaxed);
        let more = new > old;
        if more && used.saturating_add(new).saturating_sub(old) > self.max {
            self.used.fetch_sub(new, Ordering::Relaxed);
            return Err(KvError::Full { max: self.max });
        }
        self.used.fetch_sub(old, Ordering::Relaxed);
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
    pub(super) fn new(shared: Arc<Memory>) -> Self {
        Self {
            shared,
            entries: RwLock::default(),
            writer: Mutex::default(),
            removed: AtomicBool::new(false),
        }
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
        let mut writer = self.writer.lock();
        self.sweep(&mut writer, now);
        self.put(&mut writer, key, write, now)
    }

    fn put(&self, writer: &mut Writer, key: &str, write: &Write, now: Millis) -> Written {
        if self.removed.load(Ordering::Acquire) {
            return Err(KvError::Removed);
        }
        let there = self.entries.read().get(key).cloned();
        let old = there.as_ref().filter(|old| old.meta.is_live(now));
        let (place, length) = write.place(old.map(|old| &old.meta))?;
        let generation = 1 + self.shared.generation.fetch_add(1, Ordering::Relaxed);
        let meta = write.meta(generation, length);
        let before = there.as_ref().map_or(0, |there| there.meta.size(key));
        self.shared.exchange(before, meta.size(key))?;
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
        let size = there.meta.size(key);
        self.shared.used.fetch_sub(size, Ordering::Relaxed);
        Some(there)
    }

    fn sweep(&self, writer: &mut Writer, now: Millis) {
        for _ in 0..SWEEP {
            match writer.expiries.first() {
                Some((expires, _)) if *expires <= now => {}
                _ => return,
            }
            if let Some((_, key)) = writer.expiries.pop_first() {
                drop(self.take(writer, &key));
            }
        }
    }

    /// Writes the seeds whose content is another than the last time.
    pub(super) fn seed(
        &self,
        seeds: Vec<(String, Digest, Write)>,
        now: Millis,
    ) -> Result<(), KvError> {
        let mut writer = self.writer.lock();
        let before = std::mem::take(&mut writer.seeds);
        for (key, digest, write) in seeds {
            if before.get(&key) != Some(&digest) {
                self.put(&mut writer, &key, &write, now)?;
            }
            writer.seeds.insert(key, digest);
        }
        Ok(())
    }

    /// Frees everything; later writes fail.
    pub(super) fn remove(&self) {
        let mut writer = self.writer.lock();
        self.removed.store(true, Ordering::Release);
        writer.expiries = BTreeSet::new();
        let entries = std::mem::take(&mut *self.entries.write());
        let size = entries
            .iter()
            .map(|(key, entry)| entry.meta.size(key))
            .sum();
        self.shared.used.fetch_sub(size, Ordering::Relaxed);
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
