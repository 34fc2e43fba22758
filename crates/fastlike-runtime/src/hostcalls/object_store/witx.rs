//! The core-wasm door of `fastly_object_store`. Its handles are the numbers of
//! `fastly_kv_store`'s.

use fastlike_abi::fastly_object_store::FastlyObjectStore;
use fastlike_abi::handle::Handle;
use fastlike_abi::memory;
use fastlike_abi::types::{
    BodyHandle, HostError, ObjectStoreHandle, PendingKvDeleteHandle, PendingKvInsertHandle,
    PendingKvLookupHandle,
};
use wiggle::{GuestMemory, GuestPtr};

use crate::limits;
use crate::sandbox::Sandbox;

type Result<T> = std::result::Result<T, HostError>;

/// The handle of the other module with the same number.
fn same<A: Handle, B: Handle>(handle: A) -> B {
    B::from(handle.number())
}

impl FastlyObjectStore for Sandbox {
    fn open(
        &mut self,
        mem: &mut GuestMemory<'_>,
        name: GuestPtr<str>,
    ) -> Result<ObjectStoreHandle> {
        let name = memory::text(mem, name, limits::TEXT)?;
        Ok(same(super::open(&mut self.session, &name)?))
    }

    fn lookup(
        &mut self,
        mem: &mut GuestMemory<'_>,
        store: ObjectStoreHandle,
        key: GuestPtr<str>,
        body_out: GuestPtr<BodyHandle>,
    ) -> Result<()> {
        let key = memory::text(mem, key, limits::TEXT)?;
        let pending = super::lookup_async(&mut self.session, same(store), &key)?;
        let found = super::pending_lookup_wait(&mut self.session, pending)?;
        write_found(mem, found, body_out)
    }

    fn lookup_async(
        &mut self,
        mem: &mut GuestMemory<'_>,
        store: ObjectStoreHandle,
        key: GuestPtr<str>,
    ) -> Result<PendingKvLookupHandle> {
        let key = memory::text(mem, key, limits::TEXT)?;
        let pending = super::lookup_async(&mut self.session, same(store), &key)?;
        Ok(same(pending))
    }

    fn pending_lookup_wait(
        &mut self,
        mem: &mut GuestMemory<'_>,
        pending: PendingKvLookupHandle,
        body_out: GuestPtr<BodyHandle>,
    ) -> Result<()> {
        let found = super::pending_lookup_wait(&mut self.session, same(pending))?;
        write_found(mem, found, body_out)
    }

    async fn insert(
        &mut self,
        mem: &mut GuestMemory<'_>,
        store: ObjectStoreHandle,
        key: GuestPtr<str>,
        body: BodyHandle,
    ) -> Result<()> {
        let key = memory::text(mem, key, limits::TEXT)?;
        let pending = super::insert_async(&mut self.session, same(store), &key, body).await?;
        Ok(super::pending_insert_wait(&mut self.session, pending).await?)
    }

    async fn insert_async(
        &mut self,
        mem: &mut GuestMemory<'_>,
        store: ObjectStoreHandle,
        key: GuestPtr<str>,
        body: BodyHandle,
    ) -> Result<PendingKvInsertHandle> {
        let key = memory::text(mem, key, limits::TEXT)?;
        let pending = super::insert_async(&mut self.session, same(store), &key, body).await?;
        Ok(same(pending))
    }

    async fn pending_insert_wait(
        &mut self,
        _: &mut GuestMemory<'_>,
        pending: PendingKvInsertHandle,
    ) -> Result<()> {
        Ok(super::pending_insert_wait(&mut self.session, same(pending)).await?)
    }

    async fn delete_async(
        &mut self,
        mem: &mut GuestMemory<'_>,
        store: ObjectStoreHandle,
        key: GuestPtr<str>,
    ) -> Result<PendingKvDeleteHandle> {
        let key = memory::text(mem, key, limits::TEXT)?;
        let pending = super::delete_async(&mut self.session, same(store), &key).await?;
        Ok(same(pending))
    }

    async fn pending_delete_wait(
        &mut self,
        _: &mut GuestMemory<'_>,
        pending: PendingKvDeleteHandle,
    ) -> Result<()> {
        Ok(super::pending_delete_wait(&mut self.session, same(pending)).await?)
    }
}

/// Of a value that is not there, nothing is written.
fn write_found(
    mem: &mut GuestMemory<'_>,
    found: Option<BodyHandle>,
    body_out: GuestPtr<BodyHandle>,
) -> Result<()> {
    match found {
        Some(body) => memory::write(mem, body_out, body),
        None => Ok(()),
    }
}
