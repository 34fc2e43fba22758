//! `fastly_abi`: which version of the ABI the guest speaks.

mod witx;

use crate::error::{Error, Result};

/// The only version there is.
const VERSION: u64 = 1;

/// Accepts version 1. Guests may skip the call.
pub(crate) fn init(version: u64) -> Result<()> {
    if version == VERSION {
        Ok(())
    } else {
        Err(Error::Unsupported("ABI version"))
    }
}
