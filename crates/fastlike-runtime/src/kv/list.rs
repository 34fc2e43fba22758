//! Listings of keys.

use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::error::KvError;
use crate::limits;

/// How recent a listing has to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KvListMode {
    /// It has every write that was acknowledged.
    #[default]
    Strong,
    /// It may be older. Here it is not: there is one copy of everything.
    Eventual,
}

/// Which keys are listed.
#[derive(Debug, Clone, Default)]
pub struct KvList {
    /// How the keys begin.
    pub prefix: Option<String>,
    /// Where an earlier listing ended: its [`KvPage::next_cursor`].
    pub cursor: Option<String>,
    /// How many keys, at most 1000; 100 if `None` or 0.
    pub limit: Option<u32>,
    /// How recent.
    pub mode: KvListMode,
}

/// A part of a listing. Its [`Serialize`] form is the platform's (ABI facts,
/// section 12).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KvPage {
    /// The keys, in the order of their bytes.
    #[serde(rename = "data")]
    pub keys: Vec<String>,
    /// What was listed, and where it goes on.
    pub meta: KvPageMeta,
}

/// What was listed, and where it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KvPageMeta {
    /// How many keys there could have been.
    pub limit: u32,
    /// How the keys begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// What to pass for the keys after these; `None` if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// `eventual` if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency: Option<&'static str>,
}

impl KvPage {
    /// Where the listing goes on; `None` at its end.
    pub fn next_cursor(&self) -> Option<&str> {
        self.meta.next_cursor.as_deref()
    }
}

/// A listing that is to be walked: an engine offers it every live key from
/// [`Walk::start`] on until it wants no more.
#[derive(Debug)]
pub(super) struct Walk {
    prefix: Option<String>,
    after: Option<String>,
    limit: u32,
    mode: KvListMode,
    keys: Vec<String>,
    more: bool,
}

impl Walk {
    pub(super) fn new(list: &KvList) -> Result<Self, KvError> {
        let after = match &list.cursor {
            None => None,
            Some(cursor) => {
                let raw = STANDARD.decode(cursor).map_err(|_| KvError::Cursor)?;
                Some(String::from_utf8(raw).map_err(|_| KvError::Cursor)?)
            }
        };
        let limit = list.limit.filter(|limit| *limit > 0);
        let limit = limit.unwrap_or(limits::KV_LIST_DEFAULT);
        Ok(Self {
            prefix: list.prefix.clone(),
            after,
            limit: limit.min(limits::KV_LIST),
            mode: list.mode,
            keys: Vec::new(),
            more: false,
        })
    }

    /// The first key that can be in it.
    pub(super) fn start(&self) -> Bound<&str> {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        match self.after.as_deref() {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        }
    }

    /// True while a later key can be in it.
    pub(super) fn wants(&self, key: &str) -> bool {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        !self.more && key.starts_with(prefix)
    }

    /// Takes the next live key, or the news that there is one.
    pub(super) fn take(&mut self, key: &str) {
        if self.keys.len() < self.limit as usize {
            self.keys.push(key.to_owned());
        } else {
            self.more = true;
        }
    }

    pub(super) fn page(self) -> KvPage {
        let last = self.keys.last();
        let next_cursor = last.filter(|_| self.more).map(|key| STANDARD.encode(key));
        KvPage {
            keys: self.keys,
            meta: KvPageMeta {
                limit: self.limit,
                prefix: self.prefix,
                next_cursor,
                consistency: (self.mode == KvListMode::Eventual).then_some("eventual"),
            },
        }
    }
}
