//! A request meets a parked sandbox.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use super::handoff::Delivery;
use crate::guest::Guest;
use crate::run::Ended;

/// How long a request stays with a guest that does not take it. One that is
/// blocked in its wait takes it at once; this is for guests that poll.
const PATIENCE: Duration = Duration::from_millis(10);

/// What came of the meeting.
pub(crate) enum Met {
    /// The guest has the request; it may have ended meanwhile.
    Taken(Guest, Option<Ended>),
    /// The guest did not take the request, and goes on with something else.
    Busy(Guest, Box<Delivery>),
    /// The guest ended without taking the request.
    Ended(Ended, Box<Delivery>),
}

/// Hands a request to a guest that was parked.
pub(crate) async fn meet(mut guest: Guest, delivery: Delivery) -> Met {
    let before = guest.handoff.turns();
    guest.handoff.hand(delivery);
    let mut ended = None;
    let decided = async {
        std::future::poll_fn(|cx| {
            if let Poll::Ready(end) = Pin::new(&mut guest).poll(cx) {
                ended = Some(end);
                return Poll::Ready(());
            }
            let taken = guest.handoff.turns() != before;
            if taken || !guest.handoff.is_open() {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
    };
    let mut decided = std::pin::pin!(decided);
    // Nearly every guest takes it in the first poll, and needs no timer.
    let at_once = std::future::poll_fn(|cx| Poll::Ready(decided.as_mut().poll(cx))).await;
    if at_once.is_pending() {
        drop(tokio::time::timeout(PATIENCE, decided).await);
    }
    match (guest.handoff.reclaim(), ended) {
        (None, ended) => Met::Taken(guest, ended),
        (Some(delivery), Some(ended)) => Met::Ended(ended, Box::new(delivery)),
        (Some(delivery), None) => Met::Busy(guest, Box::new(delivery)),
    }
}
