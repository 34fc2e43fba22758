//! Handing the client's request off to a backend or to a GRIP proxy.
//!
//! The call uses up the client's one answer and returns at once; what follows
//! happens without the guest, which may end or do something else.

use std::sync::Arc;
use std::time::Duration;

use fastlike_abi::types::RequestHandle;
use http::{Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::OwnedSemaphorePermit;

use super::dispatch::dispatch;
use crate::backend::{Backend, SendContext, SendError, Upgraded};
use crate::error::{Error, Result};
use crate::hand_off::{Head, switching};
use crate::hostcalls::http_resp::{forwarded, synthetic};
use crate::http::{Body, relay};
use crate::session::{ResponseSlot, Session, detach};

/// Hands the client's request off to a backend, WebSocket and all. The request
/// that is sent is the one given, which is kept, or the client's.
pub(super) fn websocket(
    session: &mut Session,
    request: Option<RequestHandle>,
    name: &str,
) -> Result<()> {
    unanswered(session)?;
    if !session.world.hand_offs.websockets {
        let off = "WebSocket pass-through is switched off";
        session.world.warned.switched_off("WebSocket hand-off", off);
        return Err(Error::Unsupported(off));
    }
    let backend = known(session, name)?;
    let head = head(session, request)?;
    begin(session, name, backend, head, None)
}

/// Hands the client's request off to the GRIP proxy, which takes it to the
/// backend by the route of that name.
pub(super) fn fanout(
    session: &mut Session,
    request: Option<RequestHandle>,
    backend: &str,
) -> Result<()> {
    unanswered(session)?;
    let Some(proxy) = session.world.hand_offs.grip_proxy.clone() else {
        let off = "no Pushpin is configured: give its port with --local-pushpin-proxy-port, \
                   as [local_server.pushpin] in fastly.toml, or its address with \
                   Builder::grip_proxy";
        session.world.warned.switched_off("Fanout hand-off", off);
        return Err(Error::Unsupported("no GRIP proxy"));
    };
    known(session, backend)?;
    let head = head(session, request)?;
    begin(session, backend, proxy, head, Some(backend))
}

fn unanswered(session: &Session) -> Result<()> {
    if session.downstream.slot.is_used() {
        return Err(Error::AlreadySent);
    }
    Ok(())
}

fn known(session: &Session, name: &str) -> Result<Arc<dyn Backend>> {
    session.backend(name).ok_or_else(|| {
        session.world.backends.warn_unknown(name);
        Error::Send(SendError::UnknownBackend(name.to_owned()))
    })
}

/// What is sent: the guest's request with what is its client's own, or the
/// client's request.
fn head(session: &Session, request: Option<RequestHandle>) -> Result<Head> {
    let original = session.original.as_ref().map(|original| &original.head);
    let handle = match (request, original) {
        (None, Some(client)) => return Ok(client.clone()),
        (None, None) => session.downstream.handles().0,
        (Some(handle), _) => handle,
    };
    let request = session.requests.get(handle)?;
    let guest = Head {
        method: request.method.clone(),
        uri: request.uri.clone(),
        headers: request.headers.clone(),
    };
    Ok(match original {
        Some(client) => guest.with_clients_own(&client.headers),
        None => guest,
    })
}

/// The client's body: where it is, or kept from when the guest closed it.
/// What the guest has read or moved elsewhere cannot be sent again.
fn body(session: &mut Session) -> Result<Body> {
    let (_, handle) = session.downstream.handles();
    let original = session.original.as_mut();
    let kept = original.and_then(|original| original.body.take());
    let body = kept.or_else(|| session.items.take::<Body>(handle).ok());
    match body {
        Some(body) if !body.was_read() || !session.has_content => Ok(body),
        None if !session.has_content => Ok(Body::empty()),
        Some(_) | None => {
            tracing::warn!(
                "a request cannot be handed off: its body was read or sent elsewhere before"
            );
            Err(Error::Unspecified("the client's body is gone"))
        }
    }
}

fn begin(
    session: &mut Session,
    name: &str,
    backend: Arc<dyn Backend>,
    head: Head,
    route: Option<&str>,
) -> Result<()> {
    let world = Arc::clone(&session.world);
    let websocket = head.is_websocket();
    let body = body(session)?;
    let mut request = head.request(body, backend.info(), route)?;
    match route {
        // The way back to this program is no loop: a program may be its own
        // origin behind the proxy. It is counted all the same.
        Some(_) => world.identity.mark_hop(request.headers_mut()),
        None => world.identity.mark_loop(request.headers_mut()),
    }
    let upgrade = session
        .original
        .as_mut()
        .and_then(|original| original.upgrade.take());
    let reader = session.downstream.reader();
    let mut slot = session.downstream.slot.take()?;
    let tunnel = match (websocket, upgrade, world.hand_offs.room()) {
        (false, ..) => None,
        (true, Some(client), Some(room)) => Some(Tunnel {
            client,
            idle: world.limits.tunnel_idle_timeout,
            _room: room,
        }),
        (true, None, _) => {
            let why = "a WebSocket cannot be handed off: the client's connection cannot be \
                       upgraded (only one of HTTP/1.1 can)";
            return slot.send(refused(StatusCode::NOT_IMPLEMENTED, why));
        }
        (true, Some(_), None) => {
            let why = "a WebSocket is refused: there are as many as the limit allows";
            return slot.send(refused(StatusCode::SERVICE_UNAVAILABLE, why));
        }
    };
    let cx = SendContext {
        upgrade: tunnel.is_some(),
        ..SendContext::default()
    };
    let sending = dispatch(&world, name, &backend, request, cx);
    drop(detach(async move {
        let sent = tokio::select! {
            sent = sending => sent,
            // The client is gone: so is the request.
            () = slot.closed() => return,
        };
        match sent {
            Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                switch(response, tunnel, slot).await;
            }
            Ok(response) => drop(slot.send(forwarded(response, reader))),
            Err(error) => drop(slot.send(synthetic(&error, &[]))),
        }
    }));
    Ok(())
}

/// The client's side of a connection that becomes a WebSocket's.
struct Tunnel {
    client: OnUpgrade,
    idle: Duration,
    _room: OwnedSemaphorePermit,
}

/// Tells the client that the origin has switched protocols, and relays what
/// both say then.
async fn switch(response: Response<Body>, tunnel: Option<Tunnel>, mut slot: ResponseSlot) {
    let (mut parts, _) = response.into_parts();
    // Kept to the end, for its place among the origin's connections.
    let upgraded = parts.extensions.remove::<Upgraded>();
    let origin = upgraded
        .as_ref()
        .and_then(Upgraded::take)
        .or_else(|| parts.extensions.remove::<OnUpgrade>());
    let (Some(tunnel), Some(origin)) = (tunnel, origin) else {
        let why = "the origin switched protocols although it was not asked to";
        let error = SendError::Protocol(why.to_owned());
        drop(slot.send(synthetic(&error, &[])));
        return;
    };
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = parts.status;
    *answer.headers_mut() = switching(parts.headers);
    drop(slot.send(answer));
    // The client's is there when its 101 was written.
    match tokio::try_join!(tunnel.client, origin) {
        Ok((client, origin)) => {
            let end = relay(TokioIo::new(client), TokioIo::new(origin), tunnel.idle).await;
            tracing::debug!("a WebSocket ended: {end}");
        }
        Err(error) => tracing::debug!("a WebSocket did not come about: {error}"),
    }
}

fn refused(status: StatusCode, why: &str) -> Response<Body> {
    tracing::warn!("{why}");
    let mut response = Response::new(Body::from(format!("{why}\n")));
    *response.status_mut() = status;
    let text = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, text);
    response
}
