//! The core-wasm door of `fastly_purge`.

use fastlike_abi::fastly_purge::FastlyPurge;
use fastlike_abi::layout::purge_options as layout;
use fastlike_abi::memory::{self, OutBuf, Record};
use fastlike_abi::types::{HostError, PurgeOptions, PurgeOptionsMask};
use wiggle::{GuestMemory, GuestPtr};

use crate::limits;
use crate::purge::PurgeMode;
use crate::sandbox::Sandbox;

impl FastlyPurge for Sandbox {
    fn purge_surrogate_key(
        &mut self,
        mem: &mut GuestMemory<'_>,
        surrogate_key: GuestPtr<str>,
        options_mask: PurgeOptionsMask,
        options: GuestPtr<PurgeOptions>,
    ) -> Result<(), HostError> {
        let key = memory::text(mem, surrogate_key, limits::TEXT)?;
        let mode = if options_mask.contains(PurgeOptionsMask::SOFT_PURGE) {
            PurgeMode::Soft
        } else {
            PurgeMode::Hard
        };
        let answer = if options_mask.contains(PurgeOptionsMask::RET_BUF) {
            let record = Record::at(options);
            let buffer = GuestPtr::new(record.u32(mem, layout::RET_BUF_PTR)?);
            let capacity = record.u32(mem, layout::RET_BUF_LEN)?;
            let nwritten = GuestPtr::new(record.u32(mem, layout::RET_BUF_NWRITTEN_OUT)?);
            Some(OutBuf::new(buffer, capacity, nwritten))
        } else {
            None
        };
        let purged = super::surrogate_key(&self.session, &key, mode)?;
        match answer {
            Some(answer) => answer.write(mem, purged.to_json().as_bytes()),
            None => Ok(()),
        }
    }
}
