//! The engine that keeps everything in a database file.
//!
//! A write is acknowledged when it is on the disk. Readers have the database
//! as it was when they began, and wait for nobody.

mod batch;
mod file;
mod readers;
mod record;
mod value;
mod writer;

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use redb::{DatabaseError, ReadTransaction, ReadableTable as _, ReadableTableMetadata as _};

use self::batch::Batch;
use self::file::{File, Finish, OpenError};
use self::readers::Readers;
use self::record::{
    ENTRIES, EXPIRIES, GARBAGE, GENERATION, NUMBERS, PIECE, Record, SEEDS, STORES, VALUES,
};
use self::value::Pieces;
use self::writer::{Job, Writer};
use super::clock::{Millis, first_generation};
use super::entry::{KvEntry, Write};
use super::error::KvError;
use super::list::Walk;
use super::pending::PendingWrite;
use super::seed::Planted;
use super::usage::KvUsage;
use crate::http::{Body, Charge};
use crate::state::StateError;

/// The file in the state directory.
const FILE: &str = "state.redb";

/// What all stores have in common.
#[derive(Debug)]
pub(super) struct Disk {
    base: Arc<Base>,
    writer: Writer,
}

/// What the writing thread has, too.
#[derive(Debug)]
struct Base {
    file: Arc<File>,
    readers: Arc<Readers>,
    /// Bytes that all stores may hold.
    max: u64,
}

/// One store.
#[derive(Debug)]
pub(super) struct DiskStore {
    disk: Arc<Disk>,
    owner: Arc<Owner>,
}

/// Whose entries they are.
#[derive(Debug)]
struct Owner {
    id: u64,
    removed: AtomicBool,
}

/// A database, with the stores in it by name.
type Opened = (Arc<Disk>, Vec<(String, DiskStore)>);

/// What a write does.
#[derive(Debug)]
enum Work {
    Insert(Write),
    /// Of any generation, or of this one.
    Delete(Option<u64>),
}

impl Disk {
    /// Opens the database in a directory, and gives the stores in it. `now`
    /// is when it is made, if it is.
    pub(super) fn open(directory: &Path, max: u64, now: Millis) -> Result<Opened, StateError> {
        let path = directory.join(FILE);
        let broken = |why: String| StateError::Database {
            file: path.clone(),
            why,
        };
        let file = File::open(path.clone()).map_err(|error| match error {
            OpenError::Database(DatabaseError::DatabaseAlreadyOpen) => StateError::InUse {
                directory: directory.to_owned(),
            },
            error => broken(error.to_string()),
        })?;
        let stores = prepare(&file, now).map_err(|error| broken(error.to_string()))?;
        let base = Arc::new(Base {
            file: Arc::new(file),
            readers: Arc::default(),
            max,
        });
        let writer = Writer::start(Arc::clone(&base))
            .map_err(|error| broken(format!("its writer: {error}")))?;
        let disk = Arc::new(Self { base, writer });
        let stores = stores
            .into_iter()
            .map(|(name, id)| (name, DiskStore::new(&disk, id)))
            .collect();
        Ok((disk, stores))
    }

    /// The store of this name, made if there is none. Waits for a commit.
    pub(super) fn create(self: &Arc<Self>, name: &str) -> Result<DiskStore, KvError> {
        let id = self.base.transact(|batch| Ok(Ok(batch.store(name)?)))?;
        Ok(DiskStore::new(self, id))
    }

    /// Makes the stores that are not there, and writes the seeds whose content
    /// is another than the last time. Waits for a commit.
    pub(super) fn sow(
        self: &Arc<Self>,
        planted: Vec<Planted>,
        now: Millis,
    ) -> Result<Vec<(String, DiskStore)>, (String, KvError)> {
        let mut at = planted.first().map(|first| first.store.clone());
        let sown = self.base.transact(|batch| {
            let mut sown = Vec::new();
            for Planted { store: name, seeds } in planted {
                let id = batch.store(&name)?;
                at = Some(name.clone());
                if let Err(error) = batch.seed(id, seeds, now)? {
                    return Ok(Err(error));
                }
                sown.push((name, DiskStore::new(self, id)));
            }
            Ok(Ok(sown))
        });
        let sown = sown.map_err(|error| (at.unwrap_or_default(), error))?;
        self.base.tidy(|| true);
        Ok(sown)
    }

    /// How much is stored in all stores, what expired and was not swept, and
    /// what is read and has been replaced, included.
    pub(super) fn usage(&self) -> Result<KvUsage, KvError> {
        self.base.file.read(|transaction| {
            let numbers = transaction.open_table(NUMBERS)?;
            let number =
                |name| Ok::<_, redb::Error>(numbers.get(name)?.map_or(0, |row| row.value()));
            Ok(KvUsage {
                entries: transaction.open_table(ENTRIES)?.len()?,
                bytes: number(record::USED)?.saturating_add(number(record::LITTERED)?),
                max_bytes: self.base.max,
            })
        })
    }
}

#[cfg(test)]
impl Disk {
    /// As if so many bytes were stored.
    pub(super) fn pretend_used(&self, bytes: u64) -> Result<(), KvError> {
        self.base.file.write(|transaction| {
            let mut numbers = transaction.open_table(NUMBERS)?;
            numbers.insert(record::USED, bytes)?;
            Ok(Finish::Commit(()))
        })
    }
}

impl Base {
    /// Commits what `change` does, if it does all of it.
    fn transact<T>(
        &self,
        change: impl FnOnce(&mut Batch<'_>) -> Result<Result<T, KvError>, redb::Error>,
    ) -> Result<T, KvError> {
        self.file.write(|transaction| {
            let mut batch = Batch::begin(transaction, self.max, &self.readers)?;
            let done = change(&mut batch)?;
            let changed = batch.end()?;
            Ok(if changed && done.is_ok() {
                Finish::Commit(done)
            } else {
                Finish::Abort(done)
            })
        })?
    }

    /// Frees what was replaced and nobody reads, while there is some and
    /// `goes_on`.
    fn tidy(&self, goes_on: impl Fn() -> bool) {
        // What it cannot free is freed by later writes.
        while goes_on() && self.transact(|batch| Ok(Ok(batch.has_littered()))) == Ok(true) {}
    }
}

/// Makes the tables if they are not there, and reads the stores.
fn prepare(file: &File, now: Millis) -> Result<Vec<(String, u64)>, KvError> {
    file.write(|transaction| {
        let mut numbers = transaction.open_table(NUMBERS)?;
        if numbers.get(GENERATION)?.is_none() {
            numbers.insert(GENERATION, first_generation(now))?;
        }
        transaction.open_table(STORES)?;
        transaction.open_table(ENTRIES)?;
        transaction.open_table(VALUES)?;
        transaction.open_table(EXPIRIES)?;
        transaction.open_table(GARBAGE)?;
        transaction.open_table(SEEDS)?;
        Ok(Finish::Commit(()))
    })?;
    file.read(|transaction| {
        let mut stores = Vec::new();
        for row in transaction.open_table(STORES)?.iter()? {
            let (name, id) = row?;
            stores.push((name.value().to_owned(), id.value()));
        }
        Ok(stores)
    })
}

impl DiskStore {
    fn new(disk: &Arc<Disk>, id: u64) -> Self {
        Self {
            disk: Arc::clone(disk),
            owner: Arc::new(Owner {
                id,
                removed: AtomicBool::new(false),
            }),
        }
    }

    pub(super) fn lookup(&self, key: &str, now: Millis) -> Result<Option<KvEntry>, KvError> {
        let base = &self.disk.base;
        loop {
            let (Record { meta, value }, whole) = match self.look(key, now)? {
                Some(found) => found,
                None => return Ok(None),
            };
            if let Some(bytes) = whole {
                let held = bytes.len();
                return Ok(Some(meta.entry(Body::from(bytes), held)));
            }
            let reader = base.readers.add(value);
            // Unless it was replaced before it had a reader.
            let again = base
                .file
                .read(|transaction| self.record(transaction, key))?;
            if again.is_some_and(|again| again.value == value) {
                let pieces = Pieces::new(&base.file, reader, value, meta.length);
                return Ok(Some(meta.entry(Body::wrap(pieces), PIECE)));
            }
        }
    }

    /// What is there, and its value if that is in one piece.
    fn look(&self, key: &str, now: Millis) -> Result<Option<(Record, Option<Bytes>)>, KvError> {
        self.disk.base.file.read(|transaction| {
            let there = self.record(transaction, key)?;
            let Some(record) = there.filter(|record| record.meta.is_live(now)) else {
                return Ok(None);
            };
            let whole = match record.meta.length {
                0 => Some(Bytes::new()),
                length if length <= PIECE as u64 => {
                    Some(value::piece(transaction, record.value, 0)?)
                }
                _ => None,
            };
            Ok(Some((record, whole)))
        })
    }

    fn record(
        &self,
        transaction: &ReadTransaction,
        key: &str,
    ) -> Result<Option<Record>, redb::Error> {
        let entries = transaction.open_table(ENTRIES)?;
        let row = entries.get((self.owner.id, key))?;
        row.map(|row| Record::decode(row.value())).transpose()
    }

    pub(super) fn list(&self, walk: &mut Walk, now: Millis) -> Result<(), KvError> {
        let id = self.owner.id;
        self.disk.base.file.read(|transaction| {
            let entries = transaction.open_table(ENTRIES)?;
            let start = match walk.start() {
                Bound::Excluded(key) => Bound::Excluded((id, key)),
                Bound::Included(key) => Bound::Included((id, key)),
                Bound::Unbounded => Bound::Included((id, "")),
            };
            let end = Bound::Excluded((id.saturating_add(1), ""));
            for row in entries.range_owned((start, end))? {
                let (key, row) = row?;
                let (_, key) = key.value();
                if !walk.wants(key) {
                    break;
                }
                if Record::decode(row.value())?.meta.is_live(now) {
                    walk.take(key);
                }
            }
            Ok(())
        })
    }

    pub(super) async fn insert(
        &self,
        key: String,
        write: Write,
        charge: Charge,
        now: Millis,
    ) -> PendingWrite {
        self.begin(key, Work::Insert(write), Some(charge), now)
            .await
    }

    pub(super) async fn delete(
        &self,
        key: String,
        generation: Option<u64>,
        now: Millis,
    ) -> PendingWrite {
        self.begin(key, Work::Delete(generation), None, now).await
    }

    async fn begin(
        &self,
        key: String,
        work: Work,
        charge: Option<Charge>,
        now: Millis,
    ) -> PendingWrite {
        let job = Job {
            owner: Arc::clone(&self.owner),
            key,
            work,
            now,
            charge,
        };
        self.disk.writer.begin(job).await
    }

    /// Takes all of it away; later writes fail. Waits for a commit.
    pub(super) fn remove(&self, name: &str) -> Result<(), KvError> {
        self.remove_if(name, |_| Ok(true)).map(drop)
    }

    /// The same, unless it has an entry that has not expired: false then.
    pub(super) fn remove_if_empty(&self, name: &str, now: Millis) -> Result<bool, KvError> {
        self.remove_if(name, |batch| Ok(!batch.has_live(self.owner.id, now)?))
    }

    fn remove_if(
        &self,
        name: &str,
        wanted: impl FnOnce(&Batch<'_>) -> Result<bool, redb::Error>,
    ) -> Result<bool, KvError> {
        let removed = self.disk.base.transact(|batch| {
            let wanted = wanted(batch)?;
            if wanted {
                // Nobody else writes before the end of this transaction.
                self.owner.removed.store(true, Ordering::Release);
                batch.remove_store(name, self.owner.id)?;
            }
            Ok(Ok(wanted))
        });
        match removed {
            Ok(removed) => {
                self.disk.base.tidy(|| removed);
                Ok(removed)
            }
            // It may be gone all the same: an error can come after the commit.
            Err(_) if self.is_gone(name) => Ok(true),
            Err(error) => {
                self.owner.removed.store(false, Ordering::Release);
                Err(error)
            }
        }
    }

    fn is_gone(&self, name: &str) -> bool {
        let there = self.disk.base.file.read(|transaction| {
            let stores = transaction.open_table(STORES)?;
            Ok(stores.get(name)?.map(|id| id.value()))
        });
        there.is_ok_and(|there| there != Some(self.owner.id))
    }
}
