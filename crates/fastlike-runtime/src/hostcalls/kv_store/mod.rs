//! `fastly_kv_store`: values by key. `fastly_object_store` is an older door to
//! the same stores.
//!
//! A lookup and a listing are made when they are begun, since they wait for
//! nothing. A write is queued then; it is done whether or not the guest waits.

mod witx;

use bytes::Bytes;
use fastlike_abi::types::{
    BodyHandle, KvStoreDeleteHandle, KvStoreHandle, KvStoreInsertHandle, KvStoreListHandle,
    KvStoreLookupHandle,
};

use crate::error::{Error, Result};
use crate::http::Body;
use crate::kv::{KvError, KvInsert, KvList, KvStore, PendingWrite};
use crate::limits;
use crate::session::{KvDeletion, KvInsertion, KvListing, KvLookup, Session};

/// What became of an operation, where the ABI has a `kv_error` for it.
pub(crate) type Outcome<T> = Result<T, KvError>;

/// An entry that was found.
pub(crate) struct Found {
    pub(crate) value: Body,
    pub(crate) metadata: Bytes,
    pub(crate) generation: u64,
}

/// Opens the store of this name; an unknown one is `inval`.
pub(crate) fn open(session: &mut Session, name: &str) -> Result<KvStoreHandle> {
    let stores = session.world.state.kv_stores();
    match stores.get(name) {
        Some(store) => session.opened.kv_stores.insert(store),
        None => {
            stores.warn_unknown(name);
            Err(Error::Invalid("KV store: there is none of this name"))
        }
    }
}

fn store(session: &Session, handle: KvStoreHandle) -> Result<KvStore> {
    session.opened.kv_stores.get(handle).cloned()
}

/// Begins a lookup; a bad key is `inval`.
pub(crate) fn lookup(
    session: &mut Session,
    handle: KvStoreHandle,
    key: &str,
) -> Result<KvStoreLookupHandle> {
    let store = session.opened.kv_stores.get(handle)?;
    let looked = match store.lookup(key) {
        Ok(Some(mut entry)) => {
            entry.value.charge(entry.held, &session.budget)?;
            Ok(Some(Box::new(entry)))
        }
        Ok(None) => {
            let name = store.name();
            tracing::debug!("the guest asked the KV store {name:?} for {key:?}, which it has not");
            Ok(None)
        }
        Err(error) => Err(later(error)?),
    };
    session.items.insert(KvLookup(looked))
}

/// Ends a lookup. Of a value that is not there, it says so.
pub(crate) fn lookup_wait(
    session: &mut Session,
    handle: KvStoreLookupHandle,
) -> Result<Outcome<Found>> {
    let KvLookup(looked) = session.items.take::<KvLookup>(handle)?;
    Ok(match looked {
        Ok(Some(entry)) => Ok(Found {
            value: entry.value,
            metadata: entry.metadata,
            generation: entry.generation,
        }),
        Ok(None) => Err(KvError::NotFound),
        Err(error) => Err(error),
    })
}

/// Reads the body to its end, which consumes it, and begins to store it. A bad
/// key is `inval`.
pub(crate) async fn insert(
    session: &mut Session,
    handle: KvStoreHandle,
    key: &str,
    body: BodyHandle,
    options: KvInsert,
) -> Result<KvStoreInsertHandle> {
    let store = store(session, handle)?;
    let value = session.items.take::<Body>(body)?;
    let write = match store.begin_insert(key, value, options).await {
        Ok(write) => write,
        Err(KvError::Value(error)) => return Err(error.into()),
        Err(error) => PendingWrite::Done(Err(later(error)?)),
    };
    session.items.insert(KvInsertion(write))
}

/// Waits for an insert.
pub(crate) async fn insert_wait(
    session: &mut Session,
    handle: KvStoreInsertHandle,
) -> Result<Outcome<()>> {
    let KvInsertion(write) = session.items.take::<KvInsertion>(handle)?;
    let written = write.finish().await;
    outcome(session, written)
}

/// Begins to delete a key; a bad one is `inval`.
pub(crate) async fn delete(
    session: &mut Session,
    handle: KvStoreHandle,
    key: &str,
) -> Result<KvStoreDeleteHandle> {
    let store = store(session, handle)?;
    let write = match store.begin_delete(key, None).await {
        Ok(write) => write,
        Err(error) => PendingWrite::Done(Err(later(error)?)),
    };
    session.items.insert(KvDeletion(write))
}

/// Waits for a delete. Of a key that was not there, it says so.
pub(crate) async fn delete_wait(
    session: &mut Session,
    handle: KvStoreDeleteHandle,
) -> Result<Outcome<()>> {
    let KvDeletion(write) = session.items.take::<KvDeletion>(handle)?;
    let written = write.finish().await;
    outcome(session, written)
}

/// Begins a listing.
pub(crate) fn list(
    session: &mut Session,
    handle: KvStoreHandle,
    list: &KvList,
) -> Result<KvStoreListHandle> {
    let page = session.opened.kv_stores.get(handle)?.list(list);
    let listed = match page.map(|page| serde_json::to_vec(&page)) {
        Ok(Ok(json)) => {
            let held = json.len();
            let mut body = Body::from(json);
            body.charge(held, &session.budget)?;
            Ok(body)
        }
        Ok(Err(error)) => Err(KvError::Storage(error.to_string())),
        Err(error) => Err(later(error)?),
    };
    session.items.insert(KvListing(listed))
}

/// Ends a listing and gives its JSON.
pub(crate) fn list_wait(session: &mut Session, handle: KvStoreListHandle) -> Result<Outcome<Body>> {
    let KvListing(listed) = session.items.take::<KvListing>(handle)?;
    Ok(listed)
}

/// Tells what a guest hears at once, with a status, from what it hears when it
/// waits.
fn later(error: KvError) -> Result<KvError> {
    match error {
        KvError::Key(_) | KvError::Busy => Err(error.into()),
        error => Ok(error),
    }
}

/// The outcome of a write. That there is too much at the moment is a status,
/// because the Rust SDK has no `kv_error` for it.
fn outcome(session: &Session, written: Result<u64, KvError>) -> Result<Outcome<()>> {
    match written {
        Ok(_) => Ok(Ok(())),
        Err(KvError::Busy) => Err(KvError::Busy.into()),
        Err(error) => {
            if let KvError::Full { .. } = &error {
                let warned = &session.world.warned;
                warned.dropped("values for KV stores", &error.to_string());
            }
            Ok(Err(error))
        }
    }
}

impl From<KvError> for Error {
    fn from(error: KvError) -> Self {
        match error {
            KvError::Busy => Self::Limit {
                what: "bytes that are being written to KV stores",
                max: limits::KV_WRITING,
            },
            error => Self::Kv(error),
        }
    }
}
