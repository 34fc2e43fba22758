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
    let lower = text.to_ascii_lowercase();
    let reserved =
        matches!(lower.as_str(), "stdout" | "stderr") || lower.starts_with("fst_managed_");
    if text.is_empty() || reserved || text.contains(['\n', '\r']) {
        return Err(Error::Invalid("log endpoint name: empty or reserved"));
    }
    session.opened.log_endpoints.insert(text.to_owned())
}

/// Writes one line to the endpoint.
pub(crate) fn write(session: &Session, handle: EndpointHandle, message: &[u8]) -> Result<()> {
    let endpoint = session.opened.log_endpoints.get(handle)?;
    session.world.logs.write(endpoint, message);
    Ok(())
}
