//! Sending requests to backends.

use std::sync::Arc;

use fastlike_abi::types::{BodyHandle, PendingRequestHandle, RequestHandle, ResponseHandle};
use http::Request;
use http::header::{HeaderValue, TE};

use super::dispatch::dispatch;
use crate::backend::{Backend, SendContext, SendError, host};
use crate::error::{Error, Result};
use crate::http::{Body, announced_trailers, apply_framing, channel, hop_by_hop};
use crate::session::{CacheOverride, OutgoingRequest, PendingRequest, ResponsePlan, Session};

/// A request with all its handles turned into objects.
struct Ready {
    backend: Arc<dyn Backend>,
    request: Request<Body>,
    plan: ResponsePlan,
}

/// Sends a request and waits for its response's head. Request and body are
/// consumed, even if the call fails.
pub(crate) async fn send(
    session: &mut Session,
    request: RequestHandle,
    body: BodyHandle,
    name: &str,
) -> Result<(ResponseHandle, BodyHandle)> {
    let (head, content) = take(session, request, body);
    let Ready {
        backend,
        request,
        plan,
    } = prepare(session, head?, content?, name)?;
    let cx = SendContext::default();
    let response = dispatch(&session.world, name, &backend, request, cx).await?;
    session.insert_response(response, plan)
}

/// Sends a request and goes on. With `streaming`, the body's number becomes
/// the write end of what the backend is sent; otherwise it is consumed.
pub(crate) fn send_async(
    session: &mut Session,
    request: RequestHandle,
    body: BodyHandle,
    name: &str,
    streaming: bool,
) -> Result<PendingRequestHandle> {
    let (head, content) = take(session, request, body);
    let (mut head, mut content) = (head?, content?);
    let writer = streaming.then(|| {
        let (mut writer, reader) = channel(std::mem::take(&mut content));
        // The origin's side sees only those that the body itself holds.
        let trailers = writer.trailers_mut();
        if !trailers.is_empty() {
            announced_trailers(&mut head.headers, trailers.keys());
        }
        content = reader;
        writer
    });
    let Ready {
        backend,
        request,
        plan,
    } = prepare(session, head, content, name)?;
    let cx = SendContext::default();
    let sending = dispatch(&session.world, name, &backend, request, cx);
    let pending = session.items.insert(PendingRequest::spawn(sending, plan))?;
    if let Some(writer) = writer {
        session.items.put_back(body, writer);
    }
    Ok(pending)
}

fn take(
    session: &mut Session,
    request: RequestHandle,
    body: BodyHandle,
) -> (Result<OutgoingRequest>, Result<Body>) {
    (
        session.requests.take(request),
        session.items.take::<Body>(body),
    )
}

fn prepare(session: &Session, head: OutgoingRequest, body: Body, name: &str) -> Result<Ready> {
    let world = &session.world;
    let Some(backend) = session.backend(name) else {
        world.backends.warn_unknown(name);
        return Err(Error::Send(SendError::UnknownBackend(name.to_owned())));
    };
    let plan = ResponsePlan {
        decompress: head.decompress,
        tell_address: head.cache_override == CacheOverride::Pass,
    };
    let mut headers = head.headers;
    if hop_by_hop::strip(&mut headers) {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    apply_framing(head.framing, &mut headers, body.known_length());
    host::choose(&mut headers, &head.uri, backend.info())?;
    world.identity.mark_loop(&mut headers);
    let mut request = Request::new(body);
    *request.method_mut() = head.method;
    *request.uri_mut() = head.uri;
    *request.headers_mut() = headers;
    Ok(Ready {
        backend,
        request,
        plan,
    })
}
