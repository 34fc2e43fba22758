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
use super::pool::{Connection, Pool};
use crate::backend::RemoteAddr;
use crate::http::{Body, BodyError, IdleClock, hop_by_hop};

/// The response without what concerned its connection only. The connection
/// goes back to `pool` when the body was read to its end.
pub(super) fn receive(
    response: Response<Incoming>,
    connection: Connection,
    pool: &Arc<Pool>,
    between_bytes: Duration,
) -> Response<Body> {
    let (mut parts, incoming) = response.into_parts();
    hop_by_hop::strip(&mut parts.headers);
    parts.headers.remove(TRANSFER_ENCODING);
    parts.extensions.insert(RemoteAddr(connection.peer));
    let body = if incoming.is_end_stream() {
        pool.put(connection);
        Body::empty()
    } else {
        Body::wrap(OriginBody {
            incoming,
            between_bytes: IdleClock::new(between_bytes),
            lease: Some(Lease {
                connection,
                pool: Arc::clone(pool),
            }),
        })
    };
    Response::from_parts(parts, body)
}

/// A response's body. Dropped before its end, it closes the connection.
struct OriginBody {
    incoming: Incoming,
    between_bytes: IdleClock,
    /// None once the body has ended.
    lease: Option<Lease>,
}

struct Lease {
    connection: Connection,
    pool: Arc<Pool>,
}

impl OriginBody {
    fn end(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.pool.put(lease.connection);
        }
    }

    fn fail(&mut self, error: &hyper::Error) -> BodyError {
        let lease = self.lease.take();
        match lease {
            Some(lease) if lease.connection.seen.ended() => BodyError::Incomplete,
            Some(Lease { connection, .. }) => match connection.seen.fault() {
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
