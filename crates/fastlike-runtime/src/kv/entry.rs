//! Entries, and the rules for writing them.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::clock::{self, Millis};
use super::error::KvError;
use crate::http::Body;
use crate::limits;

/// A value with what is known of it, as it was when it was looked up.
#[derive(Debug)]
pub struct KvEntry {
    /// The value; its length is known.
    pub value: Body,
    /// The value's length in bytes.
    pub length: u64,
    /// What was stored with it; empty if nothing was.
    pub metadata: Bytes,
    /// Which write this is: every write gets a number that no other has.
    pub generation: u64,
    /// When it will be gone, if ever.
    pub expires: Option<SystemTime>,
    /// Bytes of host memory that the entry keeps.
    pub(crate) held: usize,
}

/// What an insert does with a value that is there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KvMode {
    /// Takes its place.
    #[default]
    Overwrite,
    /// Fails.
    Add,
    /// Goes after it.
    Append,
    /// Goes before it.
    Prepend,
}

/// How a value is put in.
///
/// Metadata and time to live are those of the last write, so one that names
/// none ends what an earlier one named.
#[derive(Debug, Clone, Default)]
pub struct KvInsert {
    /// What happens to a value that is there.
    pub mode: KvMode,
    /// Up to 2000 bytes that are stored with it.
    pub metadata: Bytes,
    /// How long it is there, in whole milliseconds; for ever if `None`.
    pub ttl: Option<Duration>,
    /// Fails unless the key has this generation. 0 is that of a key that is
    /// not there.
    pub if_generation_match: Option<u64>,
}

/// What is stored beside a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) generation: u64,
    pub(super) expires: Option<Millis>,
    pub(super) metadata: Bytes,
    pub(super) length: u64,
}

impl Meta {
    /// What expired is not there, whether or not it was swept.
    pub(super) fn is_live(&self, now: Millis) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    /// An entry of it.
    pub(super) fn entry(&self, value: Body, held: usize) -> KvEntry {
        KvEntry {
            value,
            length: self.length,
            metadata: self.metadata.clone(),
            generation: self.generation,
            expires: self.expires.and_then(clock::time),
            held: held.saturating_add(self.metadata.len()),
        }
    }

    /// What the entry counts towards the size of the stores.
    pub(super) fn size(&self, key: &str) -> u64 {
        (key.len() as u64)
            .saturating_add(self.metadata.len() as u64)
            .saturating_add(self.length)
            .saturating_add(limits::KV_ENTRY_COST)
    }
}

/// A write whose value is here.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) value: Bytes,
    pub(super) mode: KvMode,
    pub(super) metadata: Bytes,
    pub(super) expires: Option<Millis>,
    pub(super) if_generation_match: Option<u64>,
}

/// Where the bytes of a new value come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Alone,
    AfterOld,
    BeforeOld,
}

impl Write {
    pub(super) fn new(value: Bytes, options: KvInsert, now: Millis) -> Result<Self, KvError> {
        check_metadata(&options.metadata)?;
        // A time that cannot be counted to is never.
        let expires = options
            .ttl
            .and_then(|ttl| now.checked_add(u64::try_from(ttl.as_millis()).ok()?));
        Ok(Self {
            value,
            mode: options.mode,
            metadata: options.metadata,
            expires,
            if_generation_match: options.if_generation_match,
        })
    }

    /// Where the value goes and how long the new one will be, given what is
    /// there.
    pub(super) fn place(&self, old: Option<&Meta>) -> Result<(Place, u64), KvError> {
        check_generation(self.if_generation_match, old)?;
        let place = match (self.mode, old) {
            (KvMode::Add, Some(_)) => return Err(KvError::Precondition),
            (KvMode::Append, Some(_)) => Place::AfterOld,
            (KvMode::Prepend, Some(_)) => Place::BeforeOld,
            (_, None) | (KvMode::Overwrite, Some(_)) => Place::Alone,
        };
        let kept = match place {
            Place::Alone => 0,
            Place::AfterOld | Place::BeforeOld => old.map_or(0, |old| old.length),
        };
        let length = kept.saturating_add(self.value.len() as u64);
        if length > limits::KV_VALUE as u64 {
            return Err(too_large());
        }
        Ok((place, length))
    }

    /// What is stored beside the value.
    pub(super) fn meta(&self, generation: u64, length: u64) -> Meta {
        Meta {
            generation,
            expires: self.expires,
            metadata: self.metadata.clone(),
            length,
        }
    }
}

/// Refuses a change of another generation than is `wanted`. 0 is that of what
/// is not there.
pub(super) fn check_generation(wanted: Option<u64>, there: Option<&Meta>) -> Result<(), KvError> {
    match wanted {
        Some(wanted) if wanted != there.map_or(0, |there| there.generation) => {
            Err(KvError::Precondition)
        }
        _ => Ok(()),
    }
}

pub(super) fn check_metadata(metadata: &Bytes) -> Result<(), KvError> {
    if metadata.len() > limits::KV_METADATA {
        return Err(KvError::Metadata {
            max: limits::KV_METADATA,
        });
    }
    Ok(())
}

pub(super) fn too_large() -> KvError {
    KvError::TooLarge {
        max: limits::KV_VALUE,
    }
}
