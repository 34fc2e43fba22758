//! `fastly_log`: named log endpoints.

mod witx;

use fastlike_abi::types::EndpointHandle;

use crate::error::{Error, Result};
use crate::limits;
use crate::session::Session;

/// The endpoint of this name. Any name is an endpoint, but the guest's own
/// output and the platform's endpoints have reserved ones.
pub(crate) fn endpoint_get(session: &mut Session, name: &[u8]) -> Result<EndpointHandle> {
    if name.len() > limits::LOG_NAME {
        return Err(Error::Limit {
            what: "bytes of a log endpoint's name",
            max: limits::LOG_NAME as u64,
        });
    }
    let text =
        std::str::from_utf8(name).map_err(|_| Error::Invalid("log endpoint name: no UTF-8"))?;
    if text.is_empty() || crate::log::is_reserved(text) || text.contains(['\n', '\r']) {
        return Err(Error::Invalid("log endpoint name: empty or reserved"));
    }
    session.opened.log_endpoints.insert(text.to_owned())
}

/// Writes one line to the endpoint. The line break that ends a message is no
/// part of it, and an empty one is none, as on the platform.
pub(crate) fn write(session: &Session, handle: EndpointHandle, message: &[u8]) -> Result<()> {
    let endpoint = session.opened.log_endpoints.get(handle)?;
    if let Some(message) = crate::log::without_end(message) {
        session.world.logs.write(endpoint, message);
    }
    Ok(())
}
