//! Writes within one transaction.

use std::sync::atomic::Ordering;

use redb::{ReadableTable as _, Table, WriteTransaction};

use super::record::{
    ENTRIES, EXPIRIES, GENERATION, NUMBERS, PIECE, Record, SEEDS, STORES, USED, VALUES,
};
use super::{Owner, Work};
use crate::kv::clock::Millis;
use crate::kv::entry::{self, Place, Write};
use crate::kv::error::KvError;
use crate::kv::pending::Written;
use crate::kv::seed::Digest;

type Result<T, E = redb::Error> = std::result::Result<T, E>;

/// Expired entries that a batch sweeps away with its own work.
const SWEEP: usize = 64;

/// The tables of a transaction, and what its end will write to the numbers.
pub(super) struct Batch<'t> {
    numbers: Table<'t, &'static str, u64>,
    entries: Table<'t, (u64, &'static str), &'static [u8]>,
    values: Table<'t, (u64, u32), &'static [u8]>,
    expiries: Table<'t, (u64, u64, &'static str), ()>,
    seeds: Table<'t, (u64, &'static str), Digest>,
    generation: u64,
    used: u64,
    max: u64,
    changed: bool,
}

impl<'t> Batch<'t> {
    /// In a transaction, with room for `max` bytes in all stores.
    pub(super) fn begin(transaction: &'t WriteTransaction, max: u64) -> Result<Self> {
        let numbers = transaction.open_table(NUMBERS)?;
        let number = |name| Ok::<_, redb::Error>(numbers.get(name)?.map_or(0, |row| row.value()));
        Ok(Self {
            generation: number(GENERATION)?,
            used: number(USED)?,
            numbers,
            entries: transaction.open_table(ENTRIES)?,
            values: transaction.open_table(VALUES)?,
            expiries: transaction.open_table(EXPIRIES)?,
            seeds: transaction.open_table(SEEDS)?,
            max,
            changed: false,
        })
    }

    /// Ends it; false if there is nothing to commit.
    pub(super) fn end(mut self) -> Result<bool> {
        if self.changed {
            self.numbers.insert(GENERATION, self.generation)?;
            self.numbers.insert(USED, self.used)?;
        }
        Ok(self.changed)
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

    pub(super) fn insert(
        &mut self,
        store: u64,
        key: &str,
        write: &Write,
        now: Millis,
    ) -> Result<Written> {
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
        if after > before && used > self.max {
            return Ok(Err(KvError::Full { max: self.max }));
        }
        let value = self.put(there.as_ref(), place, write, generation)?;
        if let Some(expires) = there.and_then(|there| there.meta.expires) {
            self.expiries.remove((expires, store, key))?;
        }
        if let Some(expires) = meta.expires {
            self.expiries.insert((expires, store, key), ())?;
        }
        let row = Record { meta, value }.encode();
        self.entries.insert((store, key), row.as_slice())?;
        self.used = used;
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

    /// Takes away some of what has expired.
    pub(super) fn sweep(&mut self, now: Millis) -> Result<()> {
        let mut expired = Vec::new();
        for row in self.expiries.range(..(now.saturating_add(1), 0, ""))? {
            let (row, _) = row?;
            let (_, store, key) = row.value();
            expired.push((store, key.to_owned()));
            if expired.len() == SWEEP {
                break;
            }
        }
        for (store, key) in expired {
            self.take(store, &key)?;
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
        for piece in 0..pieces(record) {
            whole.append(&mut self.piece(record.value, piece)?);
        }
        Ok(whole)
    }

    fn free(&mut self, record: &Record) -> Result<()> {
        for piece in 0..pieces(record) {
            self.values.remove((record.value, piece))?;
        }
        Ok(())
    }

    /// Writes the seeds whose content is another than the last time.
    pub(super) fn seed(
        &mut self,
        store: u64,
        seeds: Vec<(String, Digest, Write)>,
        now: Millis,
    ) -> Result<std::result::Result<(), KvError>> {
        let mut before = std::collections::HashMap::new();
        for row in self
            .seeds
            .range((store, "")..(store.saturating_add(1), ""))?
        {
            let (row, digest) = row?;
            before.insert(row.value().1.to_owned(), digest.value());
        }
        for (key, digest, write) in seeds {
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

    /// Takes away all that a store has.
    pub(super) fn remove_store(&mut self, store: u64) -> Result<()> {
        loop {
            let mut some = Vec::new();
            for row in self
                .entries
                .range((store, "")..(store.saturating_add(1), ""))?
                .take(SWEEP)
            {
                some.push(row?.0.value().1.to_owned());
            }
            if some.is_empty() {
                break;
            }
            for key in some {
                self.take(store, &key)?;
            }
        }
        let seeds = (store, "")..(store.saturating_add(1), "");
        self.seeds.retain_in(seeds, |_, _| false)?;
        self.changed = true;
        Ok(())
    }
}

/// In how many pieces a value is stored.
fn pieces(record: &Record) -> u32 {
    let pieces = record.meta.length.div_ceil(PIECE as u64);
    u32::try_from(pieces).unwrap_or(u32::MAX)
}

/// The number of the store of this name, which is made if there is none.
pub(super) fn make_store(transaction: &WriteTransaction, name: &str) -> Result<u64> {
    let mut stores = transaction.open_table(STORES)?;
    if let Some(row) = stores.get(name)? {
        return Ok(row.value());
    }
    let mut numbers = transaction.open_table(NUMBERS)?;
    let last = numbers
        .get(super::record::LAST_STORE)?
        .map_or(0, |row| row.value());
    let id = last.saturating_add(1);
    numbers.insert(super::record::LAST_STORE, id)?;
    stores.insert(name, id)?;
    Ok(id)
}
