//! Handles: the numbers by which guests name what the host holds.

/// The number that no handle has. `u32::MAX` is left to mean "timed out".
pub const INVALID: u32 = u32::MAX - 1;

/// A handle type of the witx. 0 is a valid handle.
pub trait Handle: Copy + From<u32> + std::fmt::Debug {
    /// The handle as the guest sees it.
    fn number(self) -> u32;

    /// The handle that names nothing.
    fn invalid() -> Self {
        Self::from(INVALID)
    }
}

impl<H> Handle for H
where
    H: Copy + From<u32> + std::fmt::Debug,
    u32: From<H>,
{
    fn number(self) -> u32 {
        self.into()
    }
}
