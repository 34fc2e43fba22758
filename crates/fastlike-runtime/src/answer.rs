//! From a sandbox to a response: runs the guest, hands its answer on as soon
//! as it is there, and answers itself when the guest does not.
//!
//! The guest's future is first polled where the connection is, so that a
//! guest that answers at once costs no task and no wake-up. Only a guest that
//! goes on after its answer moves to a task of its own, which ends with the
//! response if the client goes away.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::oneshot;

use crate::guest::Guest;
use crate::http::{Body, BodyError};
use crate::incident::Incident;
use crate::reuse::Lot;
use crate::run::Ended;
use crate::serve::Alive;
use crate::session::detach;
use crate::wire::Wire;

/// A request whose guest is at work, seen from its client's side.
pub(crate) struct Exchange {
    pub(crate) incident: Incident,
    pub(crate) response: oneshot::Receiver<Response<Body>>,
    /// What tells that the client has gone away.
    pub(crate) watch: Option<Arc<Wire>>,
    /// What keeps the server of the request from ending.
    pub(crate) alive: Option<Alive>,
}

/// Runs the guest that has the request, and gives the client's response.
pub(crate) async fn answer(lot: &Arc<Lot>, mut guest: Guest, exchange: Exchange) -> Response<Body> {
    let Exchange {
        incident,
        mut response,
        watch,
        alive,
    } = exchange;
    guest.alive = alive;
    tokio::select! {
        biased;
        next = until_idle(&mut guest) => match next {
            Next::Ended(ended) => conclude(ended, incident, response).await,
            Next::Idle => idle(lot, guest, incident, response, watch).await,
        },
        sent = &mut response => match sent {
            Ok(response) => stream(lot, response, guest, incident, watch),
            // The guest dropped its one chance to answer; its end says why.
            Err(_) => {
                let ended = guest.await;
                incident.unanswered(ended)
            }
        },
        // Nobody reads this response.
        () = gone(watch.as_deref()) => Response::new(Body::empty()),
    }
}

/// As [`answer`], of a guest that has ended already.
pub(crate) async fn ended(ended: Ended, exchange: Exchange) -> Response<Body> {
    conclude(ended, exchange.incident, exchange.response).await
}

/// The guest has ended: with an answer, or without.
async fn conclude(
    ended: Ended,
    incident: Incident,
    response: oneshot::Receiver<Response<Body>>,
) -> Response<Body> {
    match response.await {
        Ok(response) => incident.answered(response, ended),
        Err(_) => incident.unanswered(ended),
    }
}

/// What a guest does next.
enum Next {
    Ended(Ended),
    /// It has answered, and waits for its next request.
    Idle,
}

/// Polls a guest until it ends, or has nothing to do but wait for a request.
async fn until_idle(guest: &mut Guest) -> Next {
    std::future::poll_fn(|cx| match Pin::new(&mut *guest).poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Next::Ended(ended)),
        Poll::Pending if guest.handoff.is_blocked() && guest.handoff.is_waiting() => {
            Poll::Ready(Next::Idle)
        }
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// The guest waits for its next request; the answer to this one is there, or
/// comes from a request that was forwarded.
async fn idle(
    lot: &Arc<Lot>,
    guest: Guest,
    mut incident: Incident,
    mut response: oneshot::Receiver<Response<Body>>,
    watch: Option<Arc<Wire>>,
) -> Response<Body> {
    incident.settle();
    if let Ok(response) = response.try_recv() {
        incident.sent(&response);
        lot.park(guest);
        incident.finished();
        return response;
    }
    lot.park(guest);
    tokio::select! {
        sent = response => match sent {
            Ok(response) => {
                incident.sent(&response);
                incident.finished();
                response
            }
            Err(_) => incident.unanswered(crate::observe::Outcome::Finished.into()),
        },
        () = gone(watch.as_deref()) => Response::new(Body::empty()),
    }
}

/// Lets the guest go on while its response is sent.
fn stream(
    lot: &Arc<Lot>,
    response: Response<Body>,
    guest: Guest,
    mut incident: Incident,
    watch: Option<Arc<Wire>>,
) -> Response<Body> {
    incident.sent(&response);
    // HTTP drops the body then, and nobody has left.
    let is_whole = incident.is_answered_by_head(response.status());
    let (tether, cut) = oneshot::channel();
    let tether = Tether(Some(tether));
    drop(detach(go_on(Arc::clone(lot), guest, incident, watch, cut)));
    response.map(|body| {
        if is_whole || body.is_end_stream() {
            tether.release();
            return body;
        }
        Body::wrap(WhileSent {
            body,
            tether: Some(tether),
        })
    })
}

/// The rest of a guest after its answer: until it ends, its client goes away,
/// or it waits for its next request.
async fn go_on(
    lot: Arc<Lot>,
    mut guest: Guest,
    mut incident: Incident,
    watch: Option<Arc<Wire>>,
    cut: oneshot::Receiver<()>,
) {
    let left = async {
        tokio::select! {
            biased;
            cut = cut => {
                // A response that was sent to its end lets go, and its client
                // may leave then.
                if cut.is_ok() {
                    std::future::pending::<()>().await;
                }
            }
            () = gone(watch.as_deref()) => {}
        }
    };
    tokio::select! {
        biased;
        next = until_waiting(&mut guest) => match next {
            Next::Ended(ended) => incident.ended(ended),
            Next::Idle => {
                incident.settle();
                lot.park(guest);
                incident.finished();
            }
        },
        () = left => {}
    }
}

/// As [`until_idle`], or until a guest that does something else has asked for
/// its next request: it is known to have answered.
async fn until_waiting(guest: &mut Guest) -> Next {
    std::future::poll_fn(|cx| match Pin::new(&mut *guest).poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Next::Ended(ended)),
        Poll::Pending if guest.handoff.is_waiting() => Poll::Ready(Next::Idle),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Returns when the client is known to be gone; never without a wire to watch.
async fn gone(wire: Option<&Wire>) {
    match wire {
        Some(wire) => wire.closed().await,
        None => std::future::pending().await,
    }
}

/// Ends the guest when the response is dropped before its end.
struct Tether(Option<oneshot::Sender<()>>);

impl Tether {
    fn release(mut self) {
        if let Some(tether) = self.0.take() {
            // The guest may have ended, or gone on to its next request.
            let _ = tether.send(());
        }
    }
}

/// A response's body, whose guest still runs.
struct WhileSent {
    body: Body,
    tether: Option<Tether>,
}

impl http_body::Body for WhileSent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        // After a complete response the guest runs on within its limits. A
        // failed one was failed by the guest's end or by its source, and is
        // over as well.
        let over = match &frame {
            Poll::Ready(None) => true,
            Poll::Ready(Some(Ok(_))) => self.body.is_end_stream(),
            Poll::Ready(Some(Err(_))) | Poll::Pending => false,
        };
        if over && let Some(tether) = self.tether.take() {
            tether.release();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
