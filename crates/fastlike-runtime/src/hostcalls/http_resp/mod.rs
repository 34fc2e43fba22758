//! `fastly_http_resp`: reading, building and sending responses.

mod hints;
mod witx;

use fastlike_abi::types::{BodyHandle, PendingRequestHandle, ResponseHandle};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use http::{HeaderMap, Response, StatusCode};

use crate::backend::SendError;
use crate::error::{Error, Result};
use crate::hostcalls::status::forwarded_status;
use crate::http::{Body, FramingMode, apply_framing, channel, hop_by_hop, length_in};
use crate::session::{
    ChangeTarget, ClientReader, GuestResponse, HeaderChange, PendingRequest, SendResult, Session,
    apply_changes,
};

/// A new response: 200, no headers.
pub(crate) fn new(session: &mut Session) -> Result<ResponseHandle> {
    session.responses.insert(GuestResponse::default())
}

/// Frees the response.
pub(crate) fn close(session: &mut Session, handle: ResponseHandle) -> Result<()> {
    session.responses.take(handle).map(drop)
}

/// Sets the status: 100 to 999.
pub(crate) fn status_set(session: &mut Session, handle: ResponseHandle, status: u16) -> Result<()> {
    let response = session.responses.get_mut(handle)?;
    response.status = StatusCode::from_u16(status).map_err(|_| Error::Invalid("status"))?;
    Ok(())
}

/// Answers the client with the response, which is consumed with its body.
/// With `streaming`, the body's number becomes the write end of what the
/// client is sent.
pub(crate) fn send_downstream(
    session: &mut Session,
    handle: ResponseHandle,
    body: BodyHandle,
    streaming: bool,
) -> Result<()> {
    // Both handles are gone even if the call fails then (ABI facts, section 3).
    let response = session.responses.take(handle);
    let content = session.items.take::<Body>(body);
    let (response, content) = (response?, content?);
    if session.downstream.slot.is_used() {
        return Err(Error::AlreadySent);
    }
    if response.status.is_informational() {
        return hints::send(session, response);
    }
    let answer = if streaming {
        let (mut writer, reader) = channel(content);
        let answer = downstream_response(session, response, reader, writer.trailers_mut());
        session.items.put_back(body, writer);
        answer
    } else {
        downstream_response(session, response, content, &HeaderMap::new())
    };
    session.downstream.slot.send(answer)
}

/// The response as the client gets it. `trailers` are those that are to
/// follow a body that is still written.
fn downstream_response(
    session: &Session,
    response: GuestResponse,
    mut body: Body,
    trailers: &HeaderMap,
) -> Response<Body> {
    let mut headers = response.headers;
    let reader = session.downstream.reader();
    let length = described_length(reader, response.status, &headers);
    hop_by_hop::strip(&mut headers);
    apply_framing(response.framing, &mut headers, body.known_length());
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length);
        // Nobody gets it, and its own length would contradict the header.
        if body.known_length().is_some() {
            body = Body::empty();
        }
    }
    body.announce_trailers(reader.takes_trailers, &mut headers, trailers);
    if response.close_connection {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let mut answer = Response::new(body);
    *answer.status_mut() = response.status;
    *answer.headers_mut() = headers;
    answer
}

/// A message without content keeps the length of the content it is about
/// (RFC 9110 section 8.6).
fn described_length(
    reader: ClientReader,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<HeaderValue> {
    let describes = reader.head || status == StatusCode::NOT_MODIFIED;
    let length = headers.get(CONTENT_LENGTH).filter(|_| describes)?;
    length_in(length).map(|_| length.clone())
}

/// Answers the client with the response of a request that is under way, as
/// soon as it is there. A failure becomes a synthetic 5xx.
pub(crate) fn send_downstream_pending(
    session: &mut Session,
    handle: PendingRequestHandle,
) -> Result<()> {
    let pending = session.items.take::<PendingRequest>(handle)?;
    let mut slot = session.downstream.slot.take()?;
    let plan = pending.plan;
    let for_error = pending.error_changes();
    let reader = session.downstream.reader();
    let forward = async move {
        let answer = match pending.finish().await {
            Ok(response) if plan.decompress => crate::http::decompress_response(response),
            Ok(response) => response,
            Err(error) => synthetic(&error, &for_error),
        };
        drop(slot.send(forwarded(answer, reader)));
    };
    drop(crate::session::detach(forward));
    Ok(())
}

/// An origin's response as a client gets it without a guest between them.
pub(super) fn forwarded(response: Response<Body>, reader: ClientReader) -> Response<Body> {
    let (parts, mut body) = response.into_parts();
    let mut headers = parts.headers;
    let length = described_length(reader, parts.status, &headers);
    hop_by_hop::strip(&mut headers);
    apply_framing(FramingMode::Automatic, &mut headers, None);
    if reader.head || parts.status == StatusCode::NOT_MODIFIED {
        body = Body::empty();
    }
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length);
    }
    body.announce_trailers(reader.takes_trailers, &mut headers, &HeaderMap::new());
    let mut answer = Response::new(body);
    *answer.status_mut() = parts.status;
    *answer.headers_mut() = headers;
    answer
}

pub(super) fn synthetic(
    error: &SendError,
    changes: &[(ChangeTarget, HeaderChange)],
) -> Response<Body> {
    tracing::warn!("a forwarded request failed: {error}");
    let mut response = Response::new(Body::empty());
    *response.status_mut() = forwarded_status(error);
    apply_changes(changes, ChangeTarget::Error, response.headers_mut());
    response
}

/// What a finished send gives the guest.
pub(crate) fn received(
    session: &mut Session,
    result: SendResult,
    plan: crate::session::ResponsePlan,
) -> Result<(ResponseHandle, BodyHandle)> {
    session.insert_response(result?, plan)
}
