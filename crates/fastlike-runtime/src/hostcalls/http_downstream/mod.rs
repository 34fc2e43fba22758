//! `fastly_http_downstream`: what is known of a client and its request.

mod next;
pub(super) mod signals;
pub(super) mod tls;
mod witx;

use std::net::IpAddr;

use fastlike_abi::types::RequestHandle;

use crate::error::{Error, Result};
use crate::session::Session;

pub(super) use next::{next_request, next_request_abandon, next_request_wait};

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

/// How the client began its HTTP/2 connection; absent on any other, and where
/// the beginning is too long to be kept.
pub(crate) fn h2_fingerprint(session: &Session, request: RequestHandle) -> Result<&str> {
    let metadata = session.downstream.metadata(request)?;
    metadata.h2_fingerprint.as_deref().ok_or(Error::Absent)
}

/// Whether the request came with one of the service's keys. Of a request that
/// is gone it says nothing (ABI facts, section 3).
pub(crate) fn key_is_valid(session: &Session, request: RequestHandle) -> Result<bool> {
    session.requests.get(request)?;
    Ok(session.downstream.metadata(request)?.key_is_valid)
}

/// How often the current request has come through this service before.
pub(crate) fn visits_this_service(session: &Session) -> u32 {
    session.downstream.current().trail.this_service
}

/// How often the current request has come through this POP before.
pub(crate) fn visits_this_pop(session: &Session) -> u32 {
    session.downstream.current().trail.this_pop
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
