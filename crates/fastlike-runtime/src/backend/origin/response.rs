//! What a guest gets of an origin's response.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::TRANSFER_ENCODING;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use super::exchange::with_sources;
use super::http2;
use super::pool::{Lease, Pool};
use crate::backend::{RemoteAddr, Upgraded};
use crate::http::{Body, BodyError, IdleClock, hop_by_hop};

/// The response to a request whose connection now speaks another protocol.
/// It keeps its place among those that the origin may have.
pub(super) fn upgraded(mut response: Response<Incoming>, lease: Lease) -> Response<Body> {
    let upgrade = hyper::upgrade::on(&mut response);
    let peer = lease.peer();
    let place = match lease {
        Lease::Whole(connection) => connection.slot,
        Lease::Stream(_) => None,
    };
    let mut response = response.map(|_| Body::empty());
    response
        .extensions_mut()
        .insert(Upgraded::new(upgrade, place));
    response.extensions_mut().insert(RemoteAddr(peer));
    response
}

/// The response without what concerned its connection only. What it has of
/// the connection goes back to `pool` when the body was read to its end.
pub(super) fn receive(
    response: Response<Incoming>,
    lease: Lease,
    pool: &Arc<Pool>,
    between_bytes: Duration,
) -> Response<Body> {
    let (mut parts, incoming) = response.into_parts();
    hop_by_hop::strip(&mut parts.headers);
    parts.headers.remove(TRANSFER_ENCODING);
    parts.extensions.insert(RemoteAddr(lease.peer()));
    let lease = Returning {
        lease,
        pool: Arc::clone(pool),
    };
    let body = if incoming.is_end_stream() {
        lease.give_back();
        Body::empty()
    } else {
        Body::wrap(OriginBody {
            incoming,
            between_bytes: IdleClock::new(between_bytes),
            lease: Some(lease),
        })
    };
    Response::from_parts(parts, body)
}

/// A response's body. Dropped before its end, it closes the connection, or
/// the stream of one that is shared.
struct OriginBody {
    incoming: Incoming,
    between_bytes: IdleClock,
    /// None once the body has ended.
    lease: Option<Returning>,
}

struct Returning {
    lease: Lease,
    pool: Arc<Pool>,
}

impl Returning {
    fn give_back(self) {
        match self.lease {
            Lease::Whole(connection) => self.pool.put(connection),
            // Its drop says that there is room for another.
            Lease::Stream(stream) => drop(stream),
        }
    }
}

impl OriginBody {
    fn end(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }

    fn fail(&mut self, error: &hyper::Error) -> BodyError {
        if let Some(error) = http2::body_error(error) {
            self.lease = None;
            return error;
        }
        let lease = self.lease.take();
        match lease.as_ref().map(|returning| returning.lease.seen()) {
            Some(seen) if seen.ended() => BodyError::Incomplete,
            Some(seen) => match seen.fault() {
                Some(fault) => BodyError::Transport(fault.to_string()),
                None => BodyError::Transport(with_sources(error)),
            },
            None => BodyError::Transport(with_sources(error)),
        }
    }
}

impl http_body::Body for OriginBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.between_bytes.progressed();
                // A reader that knows the length may never ask for the end.
                if frame.is_trailers() || this.incoming.is_end_stream() {
                    this.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(this.fail(&error)))),
            Poll::Ready(None) => {
                this.end();
                Poll::Ready(None)
            }
            Poll::Pending => this.between_bytes.poll_elapsed(cx).map(|()| {
                this.lease = None;
                Some(Err(BodyError::Timeout))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
