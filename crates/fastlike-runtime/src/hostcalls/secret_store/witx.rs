//! The core-wasm door of `fastly_secret_store`.

use fastlike_abi::fastly_secret_store::FastlySecretStore;
use fastlike_abi::memory::{self, OutBuf};
use fastlike_abi::types::{HostError, SecretHandle, SecretStoreHandle};
use wiggle::{GuestMemory, GuestPtr};

use crate::limits;
use crate::sandbox::Sandbox;

impl FastlySecretStore for Sandbox {
    fn open(
        &mut self,
        mem: &mut GuestMemory<'_>,
        name: GuestPtr<str>,
    ) -> Result<SecretStoreHandle, HostError> {
        let name = memory::text(mem, name, limits::TEXT)?;
        let store = super::open(&self.session, &name)?;
        Ok(self.session.opened.secret_stores.insert(store)?)
    }

    fn get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        store: SecretStoreHandle,
        key: GuestPtr<str>,
    ) -> Result<SecretHandle, HostError> {
        let store = self.session.opened.secret_stores.get(store)?;
        let key = memory::text(mem, key, limits::TEXT)?;
        let secret = super::get(store, &key)?;
        Ok(self.session.opened.secrets.insert(secret)?)
    }

    fn from_bytes(
        &mut self,
        mem: &mut GuestMemory<'_>,
        buf: GuestPtr<[u8]>,
    ) -> Result<SecretHandle, HostError> {
        let bytes = memory::bytes(mem, buf, limits::SECRET)?;
        Ok(super::from_bytes(&mut self.session, bytes)?)
    }

    fn plaintext(
        &mut self,
        mem: &mut GuestMemory<'_>,
        secret: SecretHandle,
        buf: GuestPtr<u8>,
        buf_len: u32,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let secret = self.session.opened.secrets.get(secret)?;
        OutBuf::new(buf, buf_len, nwritten).write(mem, secret.plaintext())
    }
}
