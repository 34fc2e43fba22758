//! `fastly_async_io`: waiting for the first of several things.

mod witx;

use std::time::Duration;

use fastlike_abi::types::AsyncItemHandle;

use crate::error::{Error, Result};
use crate::session::Session;

/// Waits until one of `handles` is ready and gives its position; `None` after
/// `timeout_ms`. A timeout of 0 is none: wait for ever. Without handles the
/// call is a sleep, which needs a timeout.
pub(crate) async fn select(
    session: &mut Session,
    handles: &[AsyncItemHandle],
    timeout_ms: u32,
) -> Result<Option<u32>> {
    if handles.is_empty() && timeout_ms == 0 {
        return Err(Error::Invalid("select of nothing without a timeout"));
    }
    let timeout = (timeout_ms != 0).then(|| Duration::from_millis(timeout_ms.into()));
    // Who has not answered yet is not given another request.
    let may_park = session.downstream.slot.is_used();
    let position = session.items.select(handles, timeout, may_park).await?;
    Ok(position.and_then(|position| u32::try_from(position).ok()))
}

/// True when waiting for the item would not wait.
pub(crate) fn is_ready(session: &mut Session, handle: AsyncItemHandle) -> Result<bool> {
    session.items.is_ready(handle)
}
