//! The core-wasm door of `fastly_uap`.

use fastlike_abi::fastly_uap::FastlyUap;
use fastlike_abi::memory::{self, OutBuf};
use fastlike_abi::types::HostError;
use wiggle::{GuestMemory, GuestPtr};

use crate::limits;
use crate::sandbox::Sandbox;

impl FastlyUap for Sandbox {
    fn parse(
        &mut self,
        mem: &mut GuestMemory<'_>,
        user_agent: GuestPtr<str>,
        family: GuestPtr<u8>,
        family_len: u32,
        family_nwritten: GuestPtr<u32>,
        major: GuestPtr<u8>,
        major_len: u32,
        major_nwritten: GuestPtr<u32>,
        minor: GuestPtr<u8>,
        minor_len: u32,
        minor_nwritten: GuestPtr<u32>,
        patch: GuestPtr<u8>,
        patch_len: u32,
        patch_nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let user_agent = memory::text(mem, user_agent, limits::USER_AGENT)?;
        let parsed = super::parse(&self.session, &user_agent);
        OutBuf::new(family, family_len, family_nwritten).write(mem, parsed.family.as_bytes())?;
        OutBuf::new(major, major_len, major_nwritten).write(mem, parsed.major.as_bytes())?;
        OutBuf::new(minor, minor_len, minor_nwritten).write(mem, parsed.minor.as_bytes())?;
        OutBuf::new(patch, patch_len, patch_nwritten).write(mem, parsed.patch.as_bytes())
    }
}
