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

/// How long a database is left alone that was opened again for a reader, or
/// could not be.
const REST: Duration = Duration::from_secs(1);

/// A database that is opened again after a failure of its disk: until then it
/// does nothing more. Of a damaged one it survives the panics.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    /// The lock is held to begin a transaction only, so readers wait for
    /// nobody.
    open: RwLock<Open>,
    /// Held by who writes, and by who opens the database again: nobody is to
    /// write meanwhile. When that was tried last.
    writing: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Open {
    /// None where it could not be opened again.
    database: Option<Database>,
    /// How often it was opened again.
    epoch: u64,
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
            open: RwLock::new(Open {
                database: Some(database),
                epoch: 0,
            }),
            writing: Mutex::default(),
        })
    }

    /// Reads the database as it is now.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, KvError> {
        let mut epoch = 0;
        let read = self.survive(|| {
            let transaction = {
                let open = self.open.read();
                epoch = open.epoch;
                open.database()?.begin_read()?
            };
            work(&transaction)
        });
        read.map_err(|failure| {
            if failure.is_general
                // Who writes finds out by itself.
                && let Some(mut tried) = self.writing.try_lock()
                && tried.is_none_or(|tried| tried.elapsed() >= REST)
            {
                self.open_again(epoch, &mut tried);
            }
            failure.error
        })
    }

    /// Writes, all of it or nothing.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<Finish<T>, redb::Error>,
    ) -> Result<T, KvError> {
        let mut tried = self.writing.lock();
        let (mut epoch, is_open) = self.state();
        if !is_open && tried.is_none_or(|tried| tried.elapsed() >= REST) {
            self.open_again(epoch, &mut tried);
            epoch = self.state().0;
        }
        let written = self.survive(|| {
            let mut transaction = self.open.read().database()?.begin_write()?;
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
        written.map_err(|failure| {
            if failure.is_general && self.state().1 {
                self.open_again(epoch, &mut tried);
            }
            failure.error
        })
    }

    /// The epoch, and whether there is a database.
    fn state(&self) -> (u64, bool) {
        let open = self.open.read();
        (open.epoch, open.database.is_some())
    }

    /// Does what may panic, as the database does where its file is damaged.
    fn survive<T>(&self, work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, Failure> {
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(done) => done.map_err(|error| Failure::of(&error)),
            Err(panic) => {
                let why = damage(panic.as_ref());
                tracing::error!("the state database {} {why}", self.path.display());
                Err(Failure {
                    error: KvError::Storage(why),
                    is_general: true,
                })
            }
        }
    }

    /// Closes the database that was opened as that `epoch`, and opens it
    /// again.
    fn open_again(&self, epoch: u64, tried: &mut Option<Instant>) {
        let mut current = self.open.write();
        if current.epoch != epoch {
            return;
        }
        current.epoch = epoch.saturating_add(1);
        // The lock on the file is the old one's.
        let old = current.database.take();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(old))) {
            tracing::error!("closing the state database: it {}", damage(panic.as_ref()));
        }
        *tried = Some(Instant::now());
        match open(&self.path) {
            Ok(again) => current.database = Some(again),
            Err(error) => {
                let path = self.path.display();
                tracing::error!(
                    "the state database {path} cannot be opened again: {error}; \
                     whoever needs it next tries it once more"
                );
            }
        }
    }
}

impl Open {
    fn database(&self) -> Result<&Database, redb::Error> {
        self.database.as_ref().ok_or(redb::Error::DatabaseClosed)
    }
}

/// Why something was not done.
struct Failure {
    error: KvError,
    /// It is the database's, which does nothing more until it is opened again.
    is_general: bool,
}

impl Failure {
    fn of(error: &redb::Error) -> Self {
        let is_general = !matches!(error, redb::Error::Corrupted(_));
        let error = match error {
            redb::Error::Io(error) if is_full(error.kind()) => KvError::DiskFull,
            error => KvError::Storage(error.to_string()),
        };
        Self { error, is_general }
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

fn is_full(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}
