//! Having a request inspected by a firewall.

use std::net::IpAddr;

use fastlike_abi::types::{BodyHandle, RequestHandle};

use crate::error::{Error, Result};
use crate::http::Body;
use crate::inspect::Inspection;
use crate::session::Session;

/// Whom a guest asks, and about which address (the ABI's `inspect_info`).
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) corp: String,
    pub(super) workspace: String,
    /// Instead of the client's.
    pub(super) client_ip: Option<IpAddr>,
}

/// The firewall's verdict on a request, in the JSON that SDKs parse. Request
/// and body stay as they are. Corp and workspace must be named.
pub(super) fn inspect(
    session: &mut Session,
    request: RequestHandle,
    body: BodyHandle,
    options: &Options,
) -> Result<String> {
    let length = session.items.get::<Body>(body)?.known_length();
    let head = session.requests.get(request)?;
    if options.corp.is_empty() || options.workspace.is_empty() {
        return Err(Error::Invalid("corp and workspace"));
    }
    let client = session.downstream.current().peer.map(|peer| peer.ip());
    let verdict = session.world.inspector.inspect(&Inspection {
        method: &head.method,
        uri: &head.uri,
        headers: &head.headers,
        length,
        corp: &options.corp,
        workspace: &options.workspace,
        client_ip: options.client_ip.or(client),
    });
    Ok(verdict.to_json())
}
