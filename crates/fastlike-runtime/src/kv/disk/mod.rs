//! The engine that keeps everything in a database file.
//!
//! A write is acknowledged when it is on the disk. Readers have the database
//! as it was when they began, and wait for nobody.

mod batch;
mod record;
mod value;
mod writer;

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{
    Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _,
    WriteTransaction,
};

use self::batch::Batch;
use self::record::{ENTRIES, EXPIRIES, GENERATION, NUMBERS, PIECE, Record, SEEDS, STORES, VALUES};
use self::value::Pieces;
use self::writer::{Job, Writer};
use super::clock::{Millis, first_generation};
use super::entry::{KvEntry, Write};
use super::error::KvError;
use super::list::Walk;
use super::pending::PendingWrite;
use super::seed::Digest;
use super::usage::KvUsage;
use crate::http::{Body, Charge};
use crate::state::StateError;

/// The file in the state directory.
const FILE: &str = "state.redb";

/// Bytes of pages that the database keeps in memory; the system's own cache
/// is behind it.
const CACHE: usize = 64 * 1024 * 1024;

/// What all stores have in common.
#[derive(Debug)]
pub(super) struct Disk {
    database: Arc<Database>,
    writer: Writer,
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
        let file = directory.join(FILE);
        let broken = |why: String| StateError::Database {
            file: file.clone(),
            why,
        };
        let database = redb::Builder::new()
            .set_cache_size(CACHE)
            .create(&file)
            .map_err(|error| match error {
                DatabaseError::DatabaseAlreadyOpen => StateError::InUse {
                    directory: directory.to_owned(),
                },
                error => broken(error.to_string()),
            })?;
        let stores = prepare(&database, now).map_err(|error| broken(error.to_string()))?;
        let database = Arc::new(database);
        let writer = Writer::start(Arc::clone(&database), max)
            .map_err(|error| broken(format!("its writer: {error}")))?;
        let disk = Arc::new(Self {
            database,
            writer,
            max,
        });
        let stores = stores
            .into_iter()
            .map(|(name, id)| (name, DiskStore::new(&disk, id)))
            .collect();
        Ok((disk, stores))
    }

    /// The store of this name, made if there is none. Waits for a commit.
    pub(super) fn create(self: &Arc<Self>, name: &str) -> Result<DiskStore, KvError> {
        let create = || {
            let transaction = begin(&self.database)?;
            let id = batch::make_store(&transaction, name)?;
            transaction.commit()?;
            Ok(id)
        };
        let id = create().map_err(|error: redb::Error| storage(&error))?;
        Ok(DiskStore::new(self, id))
    }
}

impl Disk {
    /// How much is stored in all stores, what expired and was not swept
    /// included.
    pub(super) fn usage(&self) -> Result<KvUsage, KvError> {
        let read = || {
            let transaction = self.database.begin_read()?;
            let numbers = transaction.open_table(NUMBERS)?;
            Ok(KvUsage {
                entries: transaction.open_table(ENTRIES)?.len()?,
                bytes: numbers.get(record::USED)?.map_or(0, |used| used.value()),
                max_bytes: self.max,
            })
        };
        read().map_err(|error: redb::Error| storage(&error))
    }
}

#[cfg(test)]
impl Disk {
    /// As if so many bytes were stored.
    pub(super) fn pretend_used(&self, bytes: u64) -> Result<(), redb::Error> {
        let transaction = begin(&self.database)?;
        transaction
            .open_table(NUMBERS)?
            .insert(record::USED, bytes)?;
        Ok(transaction.commit()?)
    }
}

/// Begins to write. What it commits can be opened at once after a crash, where
/// the database would else be read through: half a second for 100,000 entries.
fn begin(database: &Database) -> Result<WriteTransaction, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

/// Makes the tables if they are not there, and reads the stores.
fn prepare(database: &Database, now: Millis) -> Result<Vec<(String, u64)>, redb::Error> {
    let transaction = begin(database)?;
    {
        let mut numbers = transaction.open_table(NUMBERS)?;
        if numbers.get(GENERATION)?.is_none() {
            numbers.insert(GENERATION, first_generation(now))?;
        }
        transaction.open_table(STORES)?;
        transaction.open_table(ENTRIES)?;
        transaction.open_table(VALUES)?;
        transaction.open_table(EXPIRIES)?;
        transaction.open_table(SEEDS)?;
    }
    transaction.commit()?;
    let mut stores = Vec::new();
    for row in database.begin_read()?.open_table(STORES)?.iter()? {
        let (name, id) = row?;
        stores.push((name.value().to_owned(), id.value()));
    }
    Ok(stores)
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
        self.read(key, now).map_err(|error| storage(&error))
    }

    fn read(&self, key: &str, now: Millis) -> Result<Option<KvEntry>, redb::Error> {
        let transaction = self.disk.database.begin_read()?;
        let entries = transaction.open_table(ENTRIES)?;
        let Some(row) = entries.get_owned((self.owner.id, key))? else {
            return Ok(None);
        };
        let Record { meta, value } = Record::decode(row.value())?;
        if !meta.is_live(now) {
            return Ok(None);
        }
        let values = transaction.open_table(VALUES)?;
        let (body, held) = match usize::try_from(meta.length) {
            Ok(0) => (Body::empty(), 0),
            Ok(length) if length <= PIECE => {
                let bytes = value::piece(&values, value, 0)?;
                (Body::from(bytes), length)
            }
            _ => {
                let pieces = Pieces::new(values, value, meta.length);
                (Body::wrap(pieces), PIECE)
            }
        };
        Ok(Some(meta.entry(body, held)))
    }

    pub(super) fn list(&self, walk: &mut Walk, now: Millis) -> Result<(), KvError> {
        self.walk(walk, now).map_err(|error| storage(&error))
    }

    fn walk(&self, walk: &mut Walk, now: Millis) -> Result<(), redb::Error> {
        let entries = self.disk.database.begin_read()?.open_table(ENTRIES)?;
        let id = self.owner.id;
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

    /// Writes the seeds whose content is another than the last time. Waits
    /// for a commit.
    pub(super) fn seed(
        &self,
        seeds: Vec<(String, Digest, Write)>,
        now: Millis,
    ) -> Result<(), KvError> {
        self.transact(|batch| batch.seed(self.owner.id, seeds, now))
            .unwrap_or_else(|error| Err(storage(&error)))
    }

    /// Takes all of it away; later writes fail. Waits for a commit.
    pub(super) fn remove(&self, name: &str) -> Result<(), KvError> {
        self.owner.removed.store(true, Ordering::Release);
        let remove = || {
            let transaction = begin(&self.disk.database)?;
            transaction.open_table(STORES)?.remove(name)?;
            let mut batch = Batch::begin(&transaction, self.disk.max)?;
            batch.remove_store(self.owner.id)?;
            batch.end()?;
            transaction.commit()?;
            Ok(())
        };
        remove().map_err(|error: redb::Error| storage(&error))
    }

    /// Commits what `change` does, if it does all of it.
    fn transact(
        &self,
        change: impl FnOnce(&mut Batch<'_>) -> Result<Result<(), KvError>, redb::Error>,
    ) -> Result<Result<(), KvError>, redb::Error> {
        let transaction = begin(&self.disk.database)?;
        let mut batch = Batch::begin(&transaction, self.disk.max)?;
        let done = change(&mut batch)?;
        if batch.end()? && done.is_ok() {
            transaction.commit()?;
        } else {
            transaction.abort()?;
        }
        Ok(done)
    }
}

fn storage(error: &redb::Error) -> KvError {
    KvError::Storage(error.to_string())
}
