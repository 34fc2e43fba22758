//! What outlives one service: kept over a reload and, in a directory, over
//! restarts.

use std::path::{Path, PathBuf};

use crate::kv::KvStores;
use crate::rate::Rates;

/// What programs store, apart from the services that run them.
///
/// Cheap to clone; all clones are the same state. Services that are given the
/// same state ([`Builder::state`](crate::Builder::state)) see each other's
/// writes, and a service that takes another's place finds what that one left.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use fastlike_runtime::{Fastlike, State};
///
/// let state = State::open("state")?;
/// let fastlike = Fastlike::builder("app.wasm")
///     .state(state)
///     .kv_store("sessions", [("greeting", "hello")])
///     .build()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct State {
    kv: KvStores,
    rates: Rates,
}

impl State {
    /// State that ends with the process.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// State in a directory, which is made if it is not there. What a program
    /// was told is stored is there after a crash.
    ///
    /// One process can use a directory at a time. Rate counters and penalty
    /// boxes stay in memory.
    ///
    /// # Errors
    /// If the directory cannot be made, another process uses it, or its
    /// database is damaged.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, StateError> {
        let directory = directory.as_ref();
        std::fs::create_dir_all(directory).map_err(|source| StateError::Directory {
            directory: directory.to_owned(),
            source,
        })?;
        Ok(Self {
            kv: KvStores::open(directory)?,
            rates: Rates::default(),
        })
    }

    /// The KV stores.
    pub fn kv_stores(&self) -> &KvStores {
        &self.kv
    }

    /// The rate counters and penalty boxes.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }
}

/// Why a state directory cannot be used.
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum StateError {
    /// It is not there and cannot be made.
    #[error("the state directory {} cannot be made", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process has it open.
    #[error(
        "the state directory {} is in use by another process: end it, or choose another directory",
        directory.display()
    )]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// What is in it cannot be read.
    #[error("the state database {} cannot be opened: {why}", file.display())]
    Database {
        /// The file.
        file: PathBuf,
        /// What the database said.
        why: String,
    },
}
