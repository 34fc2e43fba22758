//! The core-wasm door of `fastly_dictionary`.

use fastlike_abi::fastly_dictionary::FastlyDictionary;
use fastlike_abi::memory::{self, OutBuf};
use fastlike_abi::types::{DictionaryHandle, HostError};
use wiggle::{GuestMemory, GuestPtr};

use crate::hostcalls::config_store;
use crate::limits;
use crate::sandbox::Sandbox;

impl FastlyDictionary for Sandbox {
    fn open(
        &mut self,
        mem: &mut GuestMemory<'_>,
        name: GuestPtr<str>,
    ) -> Result<DictionaryHandle, HostError> {
        let name = memory::text(mem, name, limits::TEXT)?;
        let store = config_store::open(&self.session, &name)?;
        Ok(self.session.opened.dictionaries.insert(store)?)
    }

    fn get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: DictionaryHandle,
        key: GuestPtr<str>,
        value: GuestPtr<u8>,
        max: u32,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let store = self.session.opened.dictionaries.get(h)?;
        let key = memory::text(mem, key, limits::TEXT)?;
        let found = config_store::get(store, &key)?;
        OutBuf::new(value, max, nwritten).write(mem, found.as_bytes())
    }
}
