//! The core-wasm door of `fastly_device_detection`.

use fastlike_abi::fastly_device_detection::FastlyDeviceDetection;
use fastlike_abi::memory::{self, OutBuf};
use fastlike_abi::types::HostError;
use wiggle::{GuestMemory, GuestPtr};

use crate::limits;
use crate::sandbox::Sandbox;

impl FastlyDeviceDetection for Sandbox {
    fn lookup(
        &mut self,
        mem: &mut GuestMemory<'_>,
        user_agent: GuestPtr<str>,
        buf: GuestPtr<u8>,
        buf_len: u32,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let user_agent = memory::text(mem, user_agent, limits::USER_AGENT)?;
        let json = super::lookup(&self.session, &user_agent)?;
        OutBuf::new(buf, buf_len, nwritten).write(mem, json.as_bytes())
    }
}
