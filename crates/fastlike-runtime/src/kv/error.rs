//! What an operation can fail with.

use super::key::KvKeyError;
use crate::http::{BodyError, OverBudget};

/// Why an operation on a KV store failed. The store is as it was.
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KvError {
    /// The key cannot be one.
    #[error(transparent)]
    Key(#[from] KvKeyError),
    /// The name cannot be a store's.
    #[error("the name of a KV store has 1 to {} bytes", crate::limits::STORE_NAME)]
    StoreName,
    /// There are as many stores as there may be.
    #[error("there are at most {max} KV stores")]
    Stores {
        /// How many.
        max: usize,
    },
    /// There is nothing to delete.
    #[error("there is no such key")]
    NotFound,
    /// The key is there, and was not to be; or it has another generation.
    #[error("the key is not in the state that was asked for")]
    Precondition,
    /// The value would be larger than a value may be.
    #[error("a value has at most {max} bytes")]
    TooLarge {
        /// How large it may be.
        max: usize,
    },
    /// The metadata is longer than metadata may be.
    #[error("metadata has at most {max} bytes")]
    Metadata {
        /// How long it may be.
        max: usize,
    },
    /// The cursor is none that a listing gave.
    #[error("the cursor is none that a listing gave")]
    Cursor,
    /// More is being written at the moment than memory is set aside for.
    #[error("too much is being written at the moment")]
    Busy,
    /// The stores hold as much as they may.
    #[error("the KV stores are full: they hold at most {max} bytes")]
    Full {
        /// How much they may hold, all together.
        max: u64,
    },
    /// The disk with the state directory has no room.
    #[error("the disk of the state directory is full")]
    DiskFull,
    /// The value's source failed before its end.
    #[error("the value: {0}")]
    Value(#[from] BodyError),
    /// The store was removed.
    #[error("the store was removed")]
    Removed,
    /// The database failed.
    #[error("the database: {0}")]
    Storage(String),
}

impl From<OverBudget> for KvError {
    fn from(_: OverBudget) -> Self {
        Self::Busy
    }
}
