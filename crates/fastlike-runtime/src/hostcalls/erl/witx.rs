//! The core-wasm door of `fastly_erl`.

use fastlike_abi::fastly_erl::FastlyErl;
use fastlike_abi::memory;
use fastlike_abi::types::HostError;
use wiggle::{GuestMemory, GuestPtr};

use super::Check;
use crate::limits;
use crate::sandbox::Sandbox;

impl FastlyErl for Sandbox {
    fn check_rate(
        &mut self,
        mem: &mut GuestMemory<'_>,
        rc: GuestPtr<str>,
        entry: GuestPtr<str>,
        delta: u32,
        window: u32,
        limit: u32,
        pb: GuestPtr<str>,
        ttl: u32,
    ) -> Result<u32, HostError> {
        let check = Check {
            counter: &memory::text(mem, rc, limits::TEXT)?,
            penalty_box: &memory::text(mem, pb, limits::TEXT)?,
            entry: &memory::text(mem, entry, limits::TEXT)?,
            delta,
            window,
            limit,
            ttl,
        };
        Ok(super::check_rate(&self.session, &check)?.into())
    }

    fn ratecounter_increment(
        &mut self,
        mem: &mut GuestMemory<'_>,
        rc: GuestPtr<str>,
        entry: GuestPtr<str>,
        delta: u32,
    ) -> Result<(), HostError> {
        let rc = memory::text(mem, rc, limits::TEXT)?;
        let entry = memory::text(mem, entry, limits::TEXT)?;
        Ok(super::increment(&self.session, &rc, &entry, delta)?)
    }

    fn ratecounter_lookup_rate(
        &mut self,
        mem: &mut GuestMemory<'_>,
        rc: GuestPtr<str>,
        entry: GuestPtr<str>,
        window: u32,
    ) -> Result<u32, HostError> {
        let rc = memory::text(mem, rc, limits::TEXT)?;
        let entry = memory::text(mem, entry, limits::TEXT)?;
        Ok(super::lookup_rate(&self.session, &rc, &entry, window)?)
    }

    fn ratecounter_lookup_count(
        &mut self,
        mem: &mut GuestMemory<'_>,
        rc: GuestPtr<str>,
        entry: GuestPtr<str>,
        duration: u32,
    ) -> Result<u32, HostError> {
        let rc = memory::text(mem, rc, limits::TEXT)?;
        let entry = memory::text(mem, entry, limits::TEXT)?;
        Ok(super::lookup_count(&self.session, &rc, &entry, duration)?)
    }

    fn penaltybox_add(
        &mut self,
        mem: &mut GuestMemory<'_>,
        pb: GuestPtr<str>,
        entry: GuestPtr<str>,
        ttl: u32,
    ) -> Result<(), HostError> {
        let pb = memory::text(mem, pb, limits::TEXT)?;
        let entry = memory::text(mem, entry, limits::TEXT)?;
        Ok(super::penaltybox_add(&self.session, &pb, &entry, ttl)?)
    }

    fn penaltybox_has(
        &mut self,
        mem: &mut GuestMemory<'_>,
        pb: GuestPtr<str>,
        entry: GuestPtr<str>,
    ) -> Result<u32, HostError> {
        let pb = memory::text(mem, pb, limits::TEXT)?;
        let entry = memory::text(mem, entry, limits::TEXT)?;
        Ok(super::penaltybox_has(&self.session, &pb, &entry)?.into())
    }
}
