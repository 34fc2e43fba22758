//! `fastly_http_downstream`: what is known of a client and its request.

mod witx;

use std::net::IpAddr;

use fastlike_abi::types::RequestHandle;

use crate::error::Result;
use crate::session::Session;

/// The client's address, if the connection has one.
pub(crate) fn client_ip(session: &Session, request: RequestHandle) -> Result<Option<IpAddr>> {
    let peer = session.downstream.metadata(request)?.peer;
    Ok(peer.map(|peer| peer.ip().to_canonical()))
}

/// The address that the client connected to.
pub(crate) fn server_ip(session: &Session, request: RequestHandle) -> Result<Option<IpAddr>> {
    let local = session.downstream.metadata(request)?.local;
    Ok(local.map(|local| local.ip().to_canonical()))
}

/// 32 hexadecimal digits, unique for each request.
pub(crate) fn request_id(session: &Session, request: RequestHandle) -> Result<&str> {
    Ok(&session.downstream.metadata(request)?.request_id)
}

/// The region whose rules apply: none, outside the platform.
pub(crate) fn compliance_region(session: &Session, request: RequestHandle) -> Result<&'static str> {
    session.downstream.metadata(request)?;
    Ok("none")
}

/// Header names as the client wrote them, in case and order, repetitions
/// included, so that their number is that of the lines.
pub(crate) fn original_header_names(
    session: &Session,
    request: RequestHandle,
) -> Result<Vec<&[u8]>> {
    Ok(session
        .downstream
        .metadata(request)?
        .original_headers
        .names())
}
