//! The core-wasm door of `fastly_log`.

use fastlike_abi::fastly_log::FastlyLog;
use fastlike_abi::memory;
use fastlike_abi::types::{EndpointHandle, HostError};
use wiggle::{GuestMemory, GuestPtr};

use crate::limits;
use crate::sandbox::Sandbox;

impl FastlyLog for Sandbox {
    fn endpoint_get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        name: GuestPtr<[u8]>,
    ) -> Result<EndpointHandle, HostError> {
        let name = memory::bytes(mem, name, limits::TEXT)?;
        Ok(super::endpoint_get(&mut self.session, name)?)
    }

    fn write(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: EndpointHandle,
        msg: GuestPtr<[u8]>,
    ) -> Result<u32, HostError> {
        let message = memory::bytes(mem, msg, limits::LOG_MESSAGE)?;
        super::write(&self.session, h, message)?;
        Ok(msg.len())
    }
}
