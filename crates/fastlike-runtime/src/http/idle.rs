//! Senders that stop sending: how long a reader waits for them.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::body::{Body, BodyError};

/// `timeout` after `since`. Zero, and what the clock cannot express, is never.
pub(crate) fn after(since: Instant, timeout: Duration) -> Instant {
    /// Long enough to be never, near enough for every clock.
    const NEVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);
    let timeout = if timeout.is_zero() { NEVER } else { timeout };
    since.checked_add(timeout).unwrap_or_else(|| since + NEVER)
}

/// How long a reader waits for its sender. It counts only while somebody waits.
pub(crate) struct IdleClock {
    timeout: Duration,
    waiting_since: Option<Instant>,
    /// Made when a reader waits for the first time, set anew only when it fires.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl IdleClock {
    /// A clock that never fires if `timeout` is zero.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            waiting_since: None,
            sleep: None,
        }
    }

    /// Something arrived.
    pub(crate) fn progressed(&mut self) {
        self.waiting_since = None;
    }

    /// Nothing is there: ready when that has been so for too long.
    pub(crate) fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.timeout.is_zero() {
            return Poll::Pending;
        }
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let due = after(since, self.timeout);
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        loop {
            ready!(sleep.as_mut().poll(cx));
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
        }
    }
}

/// A client's body that fails when a reader waits for longer than `idle`.
pub(crate) fn idle_timeout(incoming: Incoming, idle: Duration) -> Body {
    if http_body::Body::is_end_stream(&incoming) {
        return Body::empty();
    }
    Body::wrap(IdleBody {
        incoming,
        idle: IdleClock::new(idle),
    })
}

struct IdleBody {
    incoming: Incoming,
    idle: IdleClock,
}

impl http_body::Body for IdleBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(cx) {
            this.idle.progressed();
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)));
        }
        this.idle
            .poll_elapsed(cx)
            .map(|()| Some(Err(BodyError::Timeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
