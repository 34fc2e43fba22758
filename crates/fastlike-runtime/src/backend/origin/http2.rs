//! What is different in HTTP/2: the head of a request, and what goes wrong.

use http::header::{CONNECTION, HOST, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri, Version};
use hyper::body::Incoming;

use super::exchange::find_source;
use super::request::{self, RequestBody};
use super::wire::Seen;
use crate::backend::SendError;
use crate::http::BodyError;
use crate::limits;

/// Frame types (RFC 9113 section 6).
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;

/// A request prepared for HTTP/1.1, as HTTP/2 says it: `host` is the
/// authority, and nothing is about the connection (RFC 9113 section 8.2.2).
pub(super) fn from_http1(
    request: Request<RequestBody>,
    tls: bool,
) -> Result<Request<RequestBody>, SendError> {
    let wrong = |why: String| SendError::InvalidUri(format!("host: {why}"));
    let (mut parts, body) = request.into_parts();
    let host = parts.headers.remove(HOST);
    let host = host.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
    let authority = Authority::try_from(host).map_err(|error| wrong(error.to_string()))?;
    if host.contains(&b'@') {
        return Err(wrong("it contains a user name".to_owned()));
    }
    let mut uri = parts.uri.into_parts();
    uri.scheme = Some(if tls { Scheme::HTTPS } else { Scheme::HTTP });
    uri.authority = Some(authority);
    uri.path_and_query
        .get_or_insert(PathAndQuery::from_static("/"));
    parts.uri = Uri::from_parts(uri).map_err(|error| wrong(error.to_string()))?;
    for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        parts.headers.remove(name);
    }
    parts.version = Version::HTTP_2;
    Ok(Request::from_parts(parts, body))
}

/// The way back, for a request that was not sent and may go elsewhere.
pub(super) fn to_http1(request: Request<RequestBody>) -> Request<RequestBody> {
    let (mut parts, body) = request.into_parts();
    let mut uri = parts.uri.into_parts();
    uri.scheme = None;
    let host = uri
        .authority
        .take()
        .and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    if let Some(host) = host {
        parts.headers.insert(HOST, host);
    }
    parts.uri = Uri::from_parts(uri).unwrap_or_default();
    if parts.headers.contains_key(TE) {
        let about = HeaderValue::from_static("te");
        parts.headers.insert(CONNECTION, about);
    }
    parts.version = Version::HTTP_11;
    request::frame(&parts.method, &mut parts.headers, body.inner());
    Request::from_parts(parts, body)
}

/// Whether the head is as small as one in HTTP/1.1 must be, by the count of
/// RFC 9113 section 6.5.2.
pub(super) fn fits(head: &Response<Incoming>) -> bool {
    const OVERHEAD: usize = 32;
    let status = ":status200".len() + OVERHEAD;
    let fields = head.headers().iter();
    let sizes = fields.map(|(name, value)| {
        let text = name.as_str().len().saturating_add(value.len());
        text.saturating_add(OVERHEAD)
    });
    head.headers().len() <= limits::ORIGIN_HEADERS
        && sizes.fold(status, usize::saturating_add) <= limits::ORIGIN_BUFFER
}

/// What went wrong, and whether the origin has certainly not looked at the
/// request, so that it may be sent once more (RFC 9113 section 8.7).
pub(super) fn classify(error: &hyper::Error, seen: &Seen) -> (SendError, bool) {
    if let Some(body) = find_source::<BodyError>(error) {
        return (SendError::RequestBody(body.to_string()), false);
    }
    if let Some(fault) = seen.fault() {
        return (fault.clone(), false);
    }
    let Some(fault) = find_source::<h2::Error>(error) else {
        return (SendError::Terminated, false);
    };
    let Some(reason) = fault.reason() else {
        return (SendError::Terminated, false);
    };
    let untouched = fault.is_remote()
        && match reason {
            h2::Reason::REFUSED_STREAM => fault.is_reset(),
            h2::Reason::NO_ERROR => fault.is_go_away(),
            _ => false,
        };
    let error = SendError::Http2 {
        frame: if fault.is_reset() { RST_STREAM } else { GOAWAY },
        code: u32::from(reason),
        message: fault.to_string(),
    };
    (error, untouched)
}

/// Why a response's body ended early.
pub(super) fn body_error(error: &hyper::Error) -> Option<BodyError> {
    let fault = find_source::<h2::Error>(error)?;
    Some(if fault.is_remote() || fault.is_io() {
        BodyError::Incomplete
    } else {
        BodyError::Transport(fault.to_string())
    })
}
