//! The core-wasm door of `fastly_geo`.

use fastlike_abi::fastly_geo::FastlyGeo;
use fastlike_abi::memory::{self, OutBuf};
use fastlike_abi::types::HostError;
use wiggle::{GuestMemory, GuestPtr};

use crate::sandbox::Sandbox;

impl FastlyGeo for Sandbox {
    fn lookup(
        &mut self,
        mem: &mut GuestMemory<'_>,
        addr_octets: GuestPtr<[u8]>,
        buf: GuestPtr<u8>,
        buf_len: u32,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let address = memory::address(mem, addr_octets)?;
        let json = super::lookup(&self.session, address);
        OutBuf::new(buf, buf_len, nwritten).write(mem, json.as_bytes())
    }
}
