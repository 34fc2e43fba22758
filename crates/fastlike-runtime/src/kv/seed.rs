//! Entries that are there from the start.

use bytes::Bytes;
use md5::{Digest as _, Md5};

use super::clock::Millis;
use super::entry::{self, KvInsert, Write};
use super::error::KvError;
use super::key;
use crate::limits;

/// An entry that a store begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KvSeed {
    /// Its value.
    pub value: Bytes,
    /// What is stored with it; empty for nothing.
    pub metadata: Bytes,
}

impl From<&'static str> for KvSeed {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<String> for KvSeed {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<Vec<u8>> for KvSeed {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<Bytes> for KvSeed {
    fn from(value: Bytes) -> Self {
        Self {
            value,
            metadata: Bytes::new(),
        }
    }
}

/// Tells one content of a seed from another.
pub(super) type Digest = [u8; 16];

/// A seed as it is written.
#[derive(Debug)]
pub(super) struct Seed {
    pub(super) key: String,
    pub(super) digest: Digest,
    pub(super) write: Write,
}

/// The seeds of a store.
#[derive(Debug)]
pub(super) struct Planted {
    pub(super) store: String,
    pub(super) seeds: Vec<Seed>,
}

/// Checks a seed.
pub(super) fn prepare(key: String, seed: KvSeed, now: Millis) -> Result<Seed, KvError> {
    key::check(&key)?;
    if seed.value.len() > limits::KV_VALUE {
        return Err(entry::too_large());
    }
    let mut digest = Md5::new();
    digest.update((seed.metadata.len() as u64).to_le_bytes());
    digest.update(&seed.metadata);
    digest.update(&seed.value);
    let options = KvInsert {
        metadata: seed.metadata,
        ..KvInsert::default()
    };
    let write = Write::new(seed.value, options, now)?;
    Ok(Seed {
        key,
        digest: digest.finalize().into(),
        write,
    })
}
