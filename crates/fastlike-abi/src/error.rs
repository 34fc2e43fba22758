//! What a guest is told when its arguments cannot be read.

use wiggle::GuestError;

use crate::types::{FastlyStatus, HostError};

/// The status for a pointer, enum, flag or text that does not decode:
/// `badalign` for misalignment, `unknown_bits` for an undefined flag, `inval`
/// for the rest (ABI facts, section 1).
pub fn status_of(error: &GuestError, unknown_bits: FastlyStatus) -> FastlyStatus {
    match error {
        GuestError::PtrNotAligned { .. } => FastlyStatus::Badalign,
        GuestError::InvalidFlagValue(_) => unknown_bits,
        GuestError::InFunc { err, .. } => status_of(err, unknown_bits),
        GuestError::PtrOverflow
        | GuestError::PtrOutOfBounds(_)
        | GuestError::InvalidEnumValue(_)
        | GuestError::SliceLengthsDiffer
        | GuestError::InvalidUtf8(_)
        | GuestError::TryFromIntError(_) => FastlyStatus::Inval,
    }
}

impl From<GuestError> for HostError {
    fn from(error: GuestError) -> Self {
        status_of(&error, FastlyStatus::Inval).into()
    }
}

impl wiggle::GuestErrorType for FastlyStatus {
    fn success() -> Self {
        Self::Ok
    }
}
