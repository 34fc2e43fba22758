//! The core-wasm door of `fastly_async_io`.

use fastlike_abi::fastly_async_io::FastlyAsyncIo;
use fastlike_abi::memory;
use fastlike_abi::types::{AsyncItemHandle, HostError, IsDone, ReadyIdx};
use wiggle::{GuestMemory, GuestPtr};

use crate::limits;
use crate::sandbox::Sandbox;

/// What `select` gives instead of a position after its timeout.
const TIMED_OUT: ReadyIdx = u32::MAX;

impl FastlyAsyncIo for Sandbox {
    async fn select(
        &mut self,
        mem: &mut GuestMemory<'_>,
        hs: GuestPtr<[AsyncItemHandle]>,
        timeout_ms: u32,
    ) -> Result<ReadyIdx, HostError> {
        let handles = memory::list(mem, hs, limits::SELECT)?;
        Ok(super::select(&mut self.session, &handles, timeout_ms)
            .await?
            .unwrap_or(TIMED_OUT))
    }

    fn is_ready(
        &mut self,
        _: &mut GuestMemory<'_>,
        handle: AsyncItemHandle,
    ) -> Result<IsDone, HostError> {
        Ok(super::is_ready(&mut self.session, handle)?.into())
    }
}
