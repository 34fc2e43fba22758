//! Writes within one transaction.

use std::sync::atomic::Ordering;

use redb::{ReadableTable as _, Table, WriteTransaction};

use super::readers::Readers;
use super::record::{
    ENTRIES, EXPIRIES, GARBAGE, GENERATION, LAST_STORE, LITTERED, NUMBERS, PIECE, Record, SEEDS,
    STORES, USED, VALUES,
};
use super::{Owner, Work};
use crate::kv::clock::Millis;
use crate::kv::entry::{self, Place, Write};
use crate::kv::error::KvError;
use crate::kv::pending::Written;
use crate::kv::seed::{Digest, Seed};

type Result<T, E = redb::Error> = std::result::Result<T, E>;

/// Expired entries that a batch sweeps away with its own work.
const SWEEP: usize = 64;

/// Pieces of values that nobody reads any more that a batch frees: 1 GiB.
const FREED: u64 = 4_096;

/// Bytes of values that were replaced and are still read which may be there
/// beside what all stores may hold.
const LITTER: u64 = 1024 * 1024 * 1024;

/// The tables of a transaction, and what its end will write to the numbers.
pub(super) struct Batch<'t> {
    numbers: Table<'t, &'static str, u64>,
    stores: Table<'t, &'static str, u64>,
    entries: Table<'t, (u64, &'static str), &'static [u8]>,
    values: Table<'t, (u64, u32), &'static [u8]>,
    expiries: Table<'t, (u64, u64, &'static str), ()>,
    garbage: Table<'t, u64, u64>,
    seeds: Table<'t, (u64, &'static str), Digest>,
    generation: u64,
    used: u64,
    /// Bytes of [`GARBAGE`].
    litter: u64,
    max: u64,
    changed: bool,
    /// It has left values to be freed by a later one, or has freed some.
    littered: bool,
}

impl<'t> Batch<'t> {
    /// In a transaction, with room for `max` bytes in all stores.
    pub(super) fn begin(
        transaction: &'t WriteTransaction,
        max: u64,
        readers: &Readers,
    ) -> Result<Self> {
        let numbers = transaction.open_table(NUMBERS)?;
        let number = |name| Ok::<_, redb::Error>(numbers.get(name)?.map_or(0, |row| row.value()));
        let mut batch = Self {
            generation: number(GENERATION)?,
            used: number(USED)?,
            litter: number(LITTERED)?,
            numbers,
            stores: transaction.open_table(STORES)?,
            entries: transaction.open_table(ENTRIES)?,
            values: transaction.open_table(VALUES)?,
            expiries: transaction.open_table(EXPIRIES)?,
            garbage: transaction.open_table(GARBAGE)?,
            seeds: transaction.open_table(SEEDS)?,
            max,
            changed: false,
            littered: false,
        };
        batch.collect(readers)?;
        Ok(batch)
    }

    /// Ends it; false if there is nothing to commit.
    pub(super) fn end(mut self) -> Result<bool> {
        if self.changed {
            self.numbers.insert(GENERATION, self.generation)?;
            self.numbers.insert(USED, self.used)?;
            self.numbers.insert(LITTERED, self.litter)?;
        }
        Ok(self.changed)
    }

    /// True if there may be values to be freed by a later one.
    pub(super) fn has_littered(&self) -> bool {
        self.littered
    }

    pub(super) fn apply(
        &mut self,
        owner: &Owner,
        key: &str,
        work: &Work,
        now: Millis,
    ) -> Result<Written> {
        // Whoever removes the store comes after this transaction.
        if owner.removed.load(Ordering::Acquire) {
            return Ok(Err(KvError::Removed));
        }
        match work {
            Work::Insert(write) => self.insert(owner.id, key, write, now),
            Work::Delete(generation) => self.delete(owner.id, key, *generation, now),
        }
    }

    fn record(&self, store: u64, key: &str) -> Result<Option<Record>> {
        let row = self.entries.get((store, key))?;
        row.map(|row| Record::decode(row.value())).transpose()
    }

    /// Inserts an entry, for which what has expired is swept if it must be.
    fn insert(&mut self, store: u64, key: &str, write: &Write, now: Millis) -> Result<Written> {
        match self.put_in(store, key, write, now)? {
            Err(KvError::Full { .. }) => {
                while self.sweep(now)? > 0 {}
                self.put_in(store, key, write, now)
            }
            written => Ok(written),
        }
    }

    fn put_in(&mut self, store: u64, key: &str, write: &Write, now: Millis) -> Result<Written> {
        let there = self.record(store, key)?;
        let old = there.as_ref().filter(|old| old.meta.is_live(now));
        let (place, length) = match write.place(old.map(|old| &old.meta)) {
            Ok(placed) => placed,
            Err(error) => return Ok(Err(error)),
        };
        let generation = self.generation.saturating_add(1);
        let meta = write.meta(generation, length);
        let before = there.as_ref().map_or(0, |there| there.meta.size(key));
        let after = meta.size(key);
        let used = self.used.saturating_sub(before).saturating_add(after);
        let is_full = after > before && used > self.max;
        if is_full || used.saturating_add(self.litter) > self.max.saturating_add(LITTER) {
            return Ok(Err(KvError::Full { max: self.max }));
        }
        self.used = used;
        let value = self.put(there.as_ref(), place, write, generation)?;
        if let Some(expires) = there.and_then(|there| there.meta.expires) {
            self.expiries.remove((expires, store, key))?;
        }
        if let Some(expires) = meta.expires {
            self.expiries.insert((expires, store, key), ())?;
        }
        let row = Record { meta, value }.encode();
        self.entries.insert((store, key), row.as_slice())?;
        self.generation = generation;
        self.changed = true;
        Ok(Ok(generation))
    }

    /// Stores a value in its place and frees what it takes the place of;
    /// gives the value's number, `new` unless it goes on with the old one.
    fn put(
        &mut self,
        there: Option<&Record>,
        place: Place,
        write: &Write,
        new: u64,
    ) -> Result<u64> {
        match (place, there) {
            (Place::AfterOld, Some(old)) => {
                self.append(old.value, old.meta.length, &write.value)?;
                Ok(old.value)
            }
            (Place::BeforeOld, Some(old)) => {
                let rest = self.whole(old)?;
                self.free(old)?;
                self.append(new, 0, &write.value)?;
                self.append(new, write.value.len() as u64, &rest)?;
                Ok(new)
            }
            (Place::Alone | Place::AfterOld | Place::BeforeOld, there) => {
                if let Some(there) = there {
                    self.free(there)?;
                }
                self.append(new, 0, &write.value)?;
                Ok(new)
            }
        }
    }

    fn delete(
        &mut self,
        store: u64,
        key: &str,
        generation: Option<u64>,
        now: Millis,
    ) -> Result<Written> {
        let there = self.record(store, key)?;
        let live = there.as_ref().map(|there| &there.meta);
        let live = live.filter(|meta| meta.is_live(now));
        if let Err(error) = entry::check_generation(generation, live) {
            return Ok(Err(error));
        }
        match self.take(store, key)? {
            Some(there) if there.meta.is_live(now) => Ok(Ok(there.meta.generation)),
            _ => Ok(Err(KvError::NotFound)),
        }
    }

    fn take(&mut self, store: u64, key: &str) -> Result<Option<Record>> {
        let Some(there) = self.record(store, key)? else {
            return Ok(None);
        };
        self.entries.remove((store, key))?;
        self.free(&there)?;
        if let Some(expires) = there.meta.expires {
            self.expiries.remove((expires, store, key))?;
        }
        self.used = self.used.saturating_sub(there.meta.size(key));
        self.changed = true;
        Ok(Some(there))
    }

    /// Takes away some of what has expired; says how much.
    pub(super) fn sweep(&mut self, now: Millis) -> Result<usize> {
        let mut expired = Vec::new();
        for row in self.expiries.range(..(now.saturating_add(1), 0, ""))? {
            let (row, _) = row?;
            let (_, store, key) = row.value();
            expired.push((store, key.to_owned()));
            if expired.len() == SWEEP {
                break;
            }
        }
        let swept = expired.len();
        for (store, key) in expired {
            self.take(store, &key)?;
        }
        Ok(swept)
    }

    /// Frees values that no entry had when this transaction began, and that
    /// nobody reads.
    fn collect(&mut self, readers: &Readers) -> Result<()> {
        let (mut unread, mut freed) = (Vec::new(), 0_u64);
        for row in self.garbage.iter()? {
            let (value, length) = row?;
            let (value, length) = (value.value(), length.value());
            if readers.has(value) {
                continue;
            }
            unread.push((value, length));
            freed = freed.saturating_add(pieces(length).into());
            if freed >= FREED {
                break;
            }
        }
        for (value, length) in unread {
            self.garbage.remove(value)?;
            self.litter = self.litter.saturating_sub(length);
            self.remove_pieces(value, length)?;
            (self.changed, self.littered) = (true, true);
        }
        Ok(())
    }

    /// Puts bytes after the first `length` of a value.
    fn append(&mut self, value: u64, length: u64, bytes: &[u8]) -> Result<()> {
        let pieces = length / PIECE as u64;
        let begun = usize::try_from(length % PIECE as u64).unwrap_or_default();
        let mut piece = u32::try_from(pieces).unwrap_or(u32::MAX);
        let mut left = bytes;
        if begun > 0 {
            let (more, rest) = left.split_at(left.len().min(PIECE.saturating_sub(begun)));
            let mut joined = self.piece(value, piece)?;
            joined.extend_from_slice(more);
            self.values.insert((value, piece), joined.as_slice())?;
            piece = piece.saturating_add(1);
            left = rest;
        }
        for bytes in left.chunks(PIECE) {
            self.values.insert((value, piece), bytes)?;
            piece = piece.saturating_add(1);
        }
        Ok(())
    }

    fn piece(&self, value: u64, piece: u32) -> Result<Vec<u8>> {
        match self.values.get((value, piece))? {
            Some(row) => Ok(row.value().to_owned()),
            None => Err(redb::Error::Corrupted("a value is not whole".to_owned())),
        }
    }

    fn whole(&self, record: &Record) -> Result<Vec<u8>> {
        let mut whole = Vec::new();
        for piece in 0..pieces(record.meta.length) {
            whole.append(&mut self.piece(record.value, piece)?);
        }
        Ok(whole)
    }

    /// Frees a value that its entry has no more: at once if those who read it
    /// have it, else after them.
    fn free(&mut self, record: &Record) -> Result<()> {
        let length = record.meta.length;
        if pieces(length) < 2 {
            return self.remove_pieces(record.value, length);
        }
        self.garbage.insert(record.value, length)?;
        self.litter = self.litter.saturating_add(length);
        self.littered = true;
        Ok(())
    }

    fn remove_pieces(&mut self, value: u64, length: u64) -> Result<()> {
        for piece in 0..pieces(length) {
            self.values.remove((value, piece))?;
        }
        Ok(())
    }

    /// Writes the seeds whose content is another than the last time.
    pub(super) fn seed(
        &mut self,
        store: u64,
        seeds: Vec<Seed>,
        now: Millis,
    ) -> Result<std::result::Result<(), KvError>> {
        let mut before = std::collections::HashMap::new();
        for row in self.seeds.range(all_of(store))? {
            let (row, digest) = row?;
            before.insert(row.value().1.to_owned(), digest.value());
        }
        for Seed { key, digest, write } in seeds {
            if before.remove(&key) == Some(digest) {
                continue;
            }
            if let Err(error) = self.insert(store, &key, &write, now)? {
                return Ok(Err(error));
            }
            self.seeds.insert((store, key.as_str()), digest)?;
        }
        for key in before.keys() {
            self.seeds.remove((store, key.as_str()))?;
            self.changed = true;
        }
        Ok(Ok(()))
    }

    /// The number of the store of this name, which is made if there is none.
    pub(super) fn store(&mut self, name: &str) -> Result<u64> {
        if let Some(row) = self.stores.get(name)? {
            return Ok(row.value());
        }
        let last = self.numbers.get(LAST_STORE)?.map_or(0, |row| row.value());
        let id = last.saturating_add(1);
        self.numbers.insert(LAST_STORE, id)?;
        self.stores.insert(name, id)?;
        self.changed = true;
        Ok(id)
    }

    /// Whether a store has an entry that has not expired.
    pub(super) fn has_live(&self, store: u64, now: Millis) -> Result<bool> {
        for row in self.entries.range(all_of(store))? {
            if Record::decode(row?.1.value())?.meta.is_live(now) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes away a store with all that it has.
    pub(super) fn remove_store(&mut self, name: &str, store: u64) -> Result<()> {
        self.stores.remove(name)?;
        loop {
            let mut some = Vec::new();
            for row in self.entries.range(all_of(store))?.take(SWEEP) {
                some.push(row?.0.value().1.to_owned());
            }
            if some.is_empty() {
                break;
            }
            for key in some {
                self.take(store, &key)?;
            }
        }
        self.seeds.retain_in(all_of(store), |_, _| false)?;
        self.changed = true;
        Ok(())
    }
}

/// The rows of a store.
fn all_of(store: u64) -> std::ops::Range<(u64, &'static str)> {
    (store, "")..(store.saturating_add(1), "")
}

/// In how many pieces a value is stored.
fn pieces(length: u64) -> u32 {
    u32::try_from(length.div_ceil(PIECE as u64)).unwrap_or(u32::MAX)
}
