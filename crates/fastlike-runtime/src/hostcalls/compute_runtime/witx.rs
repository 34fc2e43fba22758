//! The core-wasm door of `fastly_compute_runtime`.

use fastlike_abi::fastly_compute_runtime::FastlyComputeRuntime;
use fastlike_abi::types::HostError;
use wiggle::GuestMemory;

use crate::sandbox::Sandbox;

impl FastlyComputeRuntime for Sandbox {
    fn get_vcpu_ms(&mut self, _: &mut GuestMemory<'_>) -> Result<u64, HostError> {
        Ok(super::vcpu_ms(&self.session))
    }

    fn get_heap_mib(&mut self, _: &mut GuestMemory<'_>) -> Result<u32, HostError> {
        Ok(super::heap_mib(&self.session))
    }

    fn has_domain_inspector(&mut self, _: &mut GuestMemory<'_>) -> Result<u32, HostError> {
        Ok(super::products(&self.session).domain_inspector.into())
    }

    fn has_image_optimizer(&mut self, _: &mut GuestMemory<'_>) -> Result<u32, HostError> {
        Ok(super::products(&self.session).image_optimizer.into())
    }

    fn has_origin_inspector(&mut self, _: &mut GuestMemory<'_>) -> Result<u32, HostError> {
        Ok(super::products(&self.session).origin_inspector.into())
    }
}
