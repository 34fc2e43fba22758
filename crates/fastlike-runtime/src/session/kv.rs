//! Operations on KV stores that a guest began and did not wait for yet.

use std::task::{Context, Poll};

use fastlike_abi::types::{
    KvStoreDeleteHandle, KvStoreInsertHandle, KvStoreListHandle, KvStoreLookupHandle,
};

use super::items::{AnyItem, Item};
use crate::http::Body;
use crate::kv::{KvEntry, KvError, PendingWrite};

/// One of them.
#[derive(Debug)]
pub(crate) enum KvItem {
    Lookup(KvLookup),
    Insert(KvInsertion),
    Delete(KvDeletion),
    List(KvListing),
}

/// A lookup. It was made when it was begun: it waits for nothing.
#[derive(Debug)]
pub(crate) struct KvLookup(pub(crate) Result<Option<Box<KvEntry>>, KvError>);

/// An insert. It goes on by itself: guests begin one and end.
#[derive(Debug)]
pub(crate) struct KvInsertion(pub(crate) PendingWrite);

/// A delete, which goes on by itself too.
#[derive(Debug)]
pub(crate) struct KvDeletion(pub(crate) PendingWrite);

/// A listing, as the JSON that the guest is given.
#[derive(Debug)]
pub(crate) struct KvListing(pub(crate) Result<Body, KvError>);

impl KvItem {
    pub(crate) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Lookup(_) | Self::List(_) => Poll::Ready(()),
            Self::Insert(KvInsertion(write)) | Self::Delete(KvDeletion(write)) => {
                write.poll_done(cx)
            }
        }
    }
}

macro_rules! item {
    ($type:ty, $variant:ident, $handle:ty, $kind:literal) => {
        impl Item for $type {
            type Handle = $handle;
            const KIND: &'static str = $kind;

            fn into_any(self) -> AnyItem {
                AnyItem::Kv(KvItem::$variant(self))
            }

            fn of(any: &mut AnyItem) -> Option<&mut Self> {
                match any {
                    AnyItem::Kv(KvItem::$variant(item)) => Some(item),
                    _ => None,
                }
            }

            fn from_any(any: AnyItem) -> Result<Self, AnyItem> {
                match any {
                    AnyItem::Kv(KvItem::$variant(item)) => Ok(item),
                    other => Err(other),
                }
            }
        }
    };
}

item!(KvLookup, Lookup, KvStoreLookupHandle, "KV lookup");
item!(KvInsertion, Insert, KvStoreInsertHandle, "KV insert");
item!(KvDeletion, Delete, KvStoreDeleteHandle, "KV delete");
item!(KvListing, List, KvStoreListHandle, "KV listing");
