//! The core-wasm door of `fastly_shielding`.

use std::time::Duration;

use fastlike_abi::fastly_shielding::FastlyShielding;
use fastlike_abi::layout::shield_backend_config as layout;
use fastlike_abi::memory::{self, Record};
use fastlike_abi::types::{HostError, ShieldBackendConfig, ShieldBackendOptions};
use wiggle::{GuestMemory, GuestPtr};

use crate::error::Error;
use crate::limits;
use crate::sandbox::Sandbox;
use crate::shield::ShieldOptions;

impl FastlyShielding for Sandbox {
    fn shield_info(
        &mut self,
        mem: &mut GuestMemory<'_>,
        name: GuestPtr<str>,
        info_block: GuestPtr<u8>,
        info_block_max_len: u32,
        num_bytes: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let name = memory::text(mem, name, limits::TEXT)?;
        let info = super::shield_info(&self.session, &name)?;
        memory::write_whole(mem, info_block, info_block_max_len, num_bytes, &info)
    }

    fn backend_for_shield(
        &mut self,
        mem: &mut GuestMemory<'_>,
        shield_name: GuestPtr<str>,
        mask: ShieldBackendOptions,
        config: GuestPtr<ShieldBackendConfig>,
        backend_name: GuestPtr<u8>,
        backend_name_max_len: u32,
        num_bytes: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let url = memory::text(mem, shield_name, limits::TEXT)?;
        if mask.contains(ShieldBackendOptions::RESERVED) {
            return Err(Error::Invalid("the reserved option bit").into());
        }
        let record = Record::at(config);
        let mut options = ShieldOptions::default();
        if mask.contains(ShieldBackendOptions::USE_CACHE_KEY) {
            let key = record.text(
                mem,
                layout::CACHE_KEY,
                layout::CACHE_KEY_LEN,
                limits::SHIELD_CACHE_KEY,
            )?;
            options.cache_key = Some(key);
        }
        let milliseconds =
            |offset| Ok::<_, HostError>(Duration::from_millis(record.u32(mem, offset)?.into()));
        if mask.contains(ShieldBackendOptions::FIRST_BYTE_TIMEOUT) {
            options.first_byte_timeout = Some(milliseconds(layout::FIRST_BYTE_TIMEOUT_MS)?);
        }
        if mask.contains(ShieldBackendOptions::BETWEEN_BYTES_TIMEOUT) {
            options.between_bytes_timeout = Some(milliseconds(layout::BETWEEN_BYTES_TIMEOUT_MS)?);
        }
        let name = super::backend_for_shield(&mut self.session, &url, options)?;
        memory::write_whole(
            mem,
            backend_name,
            backend_name_max_len,
            num_bytes,
            name.as_bytes(),
        )
    }
}
