//! What the platform lets only its own services do. Any other program is told
//! that it is not supported, there as here.

use fastlike_abi::types::RequestHandle;

use crate::error::{Error, Result};
use crate::session::Session;

/// Sends a request with the cache of another service.
pub(super) fn on_behalf_of(session: &Session, request: RequestHandle) -> Result<()> {
    session.requests.get(request)?;
    refuse(session, "on_behalf_of")
}

/// Upgrades the client's connection, in the form before the hand-offs.
pub(super) fn upgrade_websocket(session: &Session) -> Result<()> {
    refuse(session, "upgrade_websocket")
}

fn refuse(session: &Session, function: &'static str) -> Result<()> {
    session.world.warned.privileged("fastly_http_req", function);
    Err(Error::Unsupported("privileged on the platform"))
}
