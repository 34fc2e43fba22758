//! How long an origin may take to answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::request::Progress;
use crate::http::after;

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
