//! The core-wasm door of `fastly_abi`.

use fastlike_abi::fastly_abi::FastlyAbi;
use fastlike_abi::types::HostError;
use wiggle::GuestMemory;

use crate::sandbox::Sandbox;

impl FastlyAbi for Sandbox {
    fn init(&mut self, _: &mut GuestMemory<'_>, abi_version: u64) -> Result<(), HostError> {
        Ok(super::init(abi_version)?)
    }
}
