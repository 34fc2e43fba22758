//! How long an origin may take.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::request::Progress;

/// `timeout` after `since`. Zero, and what the clock cannot express, is never.
pub(super) fn after(since: Instant, timeout: Duration) -> Instant {
    /// Long enough to be never, near enough for every clock.
    const NEVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);
    let timeout = if timeout.is_zero() { NEVER } else { timeout };
    since.checked_add(timeout).unwrap_or_else(|| since + NEVER)
}

/// The first-byte timeout of one request.
///
/// It counts while it is the origin's turn: from the moment the request, or
/// the latest piece of its body, was taken for sending. While the connection
/// waits for the guest to write more of the body, it stands still.
pub(super) struct FirstByte<'a> {
    sleep: Pin<&'a mut Sleep>,
    timeout: Duration,
    start: Instant,
    progress: Option<Arc<Progress>>,
}

impl<'a> FirstByte<'a> {
    pub(super) fn new(
        sleep: Pin<&'a mut Sleep>,
        start: Instant,
        timeout: Duration,
        progress: Option<Arc<Progress>>,
    ) -> Self {
        Self {
            sleep,
            timeout,
            start,
            progress,
        }
    }

    /// Only now has the origin its turn.
    pub(super) fn restart(&mut self) {
        self.start = Instant::now();
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Ready when the origin has taken too long.
    ///
    /// The timer is not touched while things move; only when it fires is it
    /// set to what is left.
    pub(super) fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            let now = Instant::now();
            let since = match &self.progress {
                None => self.start,
                Some(progress) => progress
                    .origins_turn_since()
                    .map_or(now, |since| since.max(self.start)),
            };
            let due = after(since, self.timeout);
            if due <= now {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(due);
        }
    }
}

/// The between-bytes timeout of one body: it counts while a reader waits.
#[derive(Default)]
pub(super) struct BetweenBytes {
    timeout: Duration,
    waiting_since: Option<Instant>,
    /// Made when a reader waits for the first time, set anew only when it fires.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl BetweenBytes {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            ..Self::default()
        }
    }

    /// Something arrived.
    pub(super) fn progressed(&mut self) {
        self.waiting_since = None;
    }

    /// Nothing is there: ready when that has been so for too long.
    pub(super) fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
