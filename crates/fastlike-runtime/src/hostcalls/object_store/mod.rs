//! `fastly_object_store`: KV stores as the first SDKs ask for them. The
//! stores, the handles and the operations are those of `fastly_kv_store`; what
//! differs is how their ends are told.

mod witx;

use fastlike_abi::types::{
    BodyHandle, KvStoreDeleteHandle, KvStoreHandle, KvStoreInsertHandle, KvStoreLookupHandle,
};

use crate::error::{Error, Result};
use crate::hostcalls::kv_store::{self, Outcome};
use crate::kv::{KvError, KvInsert};
use crate::session::Session;

/// The store of this name; an unknown one is `inval`.
pub(crate) fn open(session: &mut Session, name: &str) -> Result<KvStoreHandle> {
    kv_store::open(session, name)
}

/// Begins a lookup.
pub(crate) fn lookup_async(
    session: &mut Session,
    store: KvStoreHandle,
    key: &str,
) -> Result<KvStoreLookupHandle> {
    kv_store::lookup(session, store, key).map_err(bad_key)
}

/// The value, if there is one.
pub(crate) fn pending_lookup_wait(
    session: &mut Session,
    handle: KvStoreLookupHandle,
) -> Result<Option<BodyHandle>> {
    match kv_store::lookup_wait(session, handle)? {
        Ok(found) => session.items.insert(found.value).map(Some),
        Err(KvError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Begins to store a body, which is read to its end and consumed.
pub(crate) async fn insert_async(
    session: &mut Session,
    store: KvStoreHandle,
    key: &str,
    body: BodyHandle,
) -> Result<KvStoreInsertHandle> {
    let options = KvInsert::default();
    let begun = kv_store::insert(session, store, key, body, options).await;
    begun.map_err(bad_key)
}

/// Waits until a body is stored.
pub(crate) async fn pending_insert_wait(
    session: &mut Session,
    handle: KvStoreInsertHandle,
) -> Result<()> {
    ended(kv_store::insert_wait(session, handle).await?)
}

/// Begins to delete a key.
pub(crate) async fn delete_async(
    session: &mut Session,
    store: KvStoreHandle,
    key: &str,
) -> Result<KvStoreDeleteHandle> {
    kv_store::delete(session, store, key).await.map_err(bad_key)
}

/// Waits until a key is deleted; `none` if it was not there.
pub(crate) async fn pending_delete_wait(
    session: &mut Session,
    handle: KvStoreDeleteHandle,
) -> Result<()> {
    ended(kv_store::delete_wait(session, handle).await?)
}

fn ended(outcome: Outcome<()>) -> Result<()> {
    outcome.map_err(Error::from)
}

/// A bad key is `error` here (ABI facts, section 12).
fn bad_key(error: Error) -> Error {
    match error {
        Error::Kv(KvError::Key(_)) => Error::Unspecified("object store: this cannot be a key"),
        error => error,
    }
}
