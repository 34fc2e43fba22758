//! The database's file, which outlasts what goes wrong with it.

use std::any::Any;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase as _, WriteTransaction};
use tokio::time::Instant;

use crate::kv::error::KvError;

/// Bytes of pages that the database keeps in memory; the system's own cache
/// is behind it.
const CACHE: usize = 64 * 1024 * 1024;

/// How long a database that cannot be opened again is left alone.
const REST: Duration = Duration::from_secs(1);

/// A database that is opened again after a failure of its disk: until then it
/// does nothing more. Of a damaged one it survives the panics.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    /// None where it could not be opened again. The lock is held to begin a
    /// transaction only, so nobody waits for a write.
    database: RwLock<Option<Database>>,
    /// When it failed to be opened again.
    failed: Mutex<Option<Instant>>,
}

/// What becomes of a transaction whose work is done.
pub(super) enum Finish<T> {
    Commit(T),
    Abort(T),
}

impl File {
    pub(super) fn open(path: PathBuf) -> Result<Self, OpenError> {
        let database = open(&path)?;
        Ok(Self {
            path,
            database: RwLock::new(Some(database)),
            failed: Mutex::default(),
        })
    }

    /// Reads the database as it is now.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, KvError> {
        self.survive(|| {
            let transaction = match &*self.database.read() {
                Some(database) => database.begin_read()?,
                None => return Err(redb::Error::DatabaseClosed),
            };
            work(&transaction)
        })
    }

    /// Writes, all of it or nothing.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<Finish<T>, redb::Error>,
    ) -> Result<T, KvError> {
        if self.database.read().is_none() {
            self.open_again();
        }
        let written = self.survive(|| {
            let mut transaction = match &*self.database.read() {
                Some(database) => database.begin_write()?,
                None => return Err(redb::Error::DatabaseClosed),
            };
            // What it commits can be opened at once after a crash, where the
            // database would else be read through: half a second for 100,000
            // entries.
            transaction.set_quick_repair(true);
            match work(&transaction)? {
                Finish::Commit(done) => {
                    transaction.commit()?;
                    Ok(done)
                }
                Finish::Abort(done) => {
                    transaction.abort()?;
                    Ok(done)
                }
            }
        });
        if let Err(KvError::Storage(_) | KvError::DiskFull) = &written {
            self.open_again();
        }
        written
    }

    /// Does what may panic, as the database does where its file is damaged.
    fn survive<T>(&self, work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, KvError> {
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(done) => done.map_err(|error| said(&error)),
            Err(panic) => {
                let why = damage(panic.as_ref());
                tracing::error!("the state database {} {why}", self.path.display());
                Err(KvError::Storage(why))
            }
        }
    }

    /// Closes the database and opens it again, if there is something to hope
    /// for.
    fn open_again(&self) {
        let mut failed = self.failed.lock();
        if failed.is_some_and(|failed| failed.elapsed() < REST) {
            return;
        }
        let mut database = self.database.write();
        // The lock on the file is the old one's.
        *database = None;
        *failed = None;
        match open(&self.path) {
            Ok(again) => *database = Some(again),
            Err(error) => {
                *failed = Some(Instant::now());
                let path = self.path.display();
                tracing::error!(
                    "the state database {path} cannot be opened again: {error}; \
                     the next write tries it once more"
                );
            }
        }
    }
}

/// Why a database cannot be opened.
#[derive(thiserror::Error, Debug)]
pub(super) enum OpenError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("it {0}")]
    Damaged(String),
}

fn open(path: &Path) -> Result<Database, OpenError> {
    let open = || redb::Builder::new().set_cache_size(CACHE).create(path);
    match catch_unwind(open) {
        Ok(opened) => Ok(opened?),
        Err(panic) => Err(OpenError::Damaged(damage(panic.as_ref()))),
    }
}

/// What a panic of the database says.
fn damage(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no words");
    format!("is damaged ({text}): restore it, or delete it to begin anew")
}

fn said(error: &redb::Error) -> KvError {
    match error {
        redb::Error::Io(error) if is_full(error.kind()) => KvError::DiskFull,
        error => KvError::Storage(error.to_string()),
    }
}

fn is_full(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}
