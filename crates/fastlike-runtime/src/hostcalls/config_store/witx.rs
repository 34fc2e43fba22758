//! The core-wasm door of `fastly_config_store`.

use fastlike_abi::fastly_config_store::FastlyConfigStore;
use fastlike_abi::memory::{self, OutBuf};
use fastlike_abi::types::{ConfigStoreHandle, HostError};
use wiggle::{GuestMemory, GuestPtr};

use crate::limits;
use crate::sandbox::Sandbox;

impl FastlyConfigStore for Sandbox {
    fn open(
        &mut self,
        mem: &mut GuestMemory<'_>,
        name: GuestPtr<str>,
    ) -> Result<ConfigStoreHandle, HostError> {
        let name = memory::text(mem, name, limits::TEXT)?;
        let store = super::open(&self.session, &name)?;
        Ok(self.session.opened.config_stores.insert(store)?)
    }

    fn get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: ConfigStoreHandle,
        key: GuestPtr<str>,
        value: GuestPtr<u8>,
        max: u32,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let store = self.session.opened.config_stores.get(h)?;
        let key = memory::text(mem, key, limits::TEXT)?;
        let found = super::get(store, &key)?;
        OutBuf::new(value, max, nwritten).write(mem, found.as_bytes())
    }
}
