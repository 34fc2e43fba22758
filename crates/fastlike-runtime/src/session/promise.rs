//! A guest's promise to take another request.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

use crate::reuse::{Blocked, Delivery, Handoff, Place};

/// What `next_request` gives: a request that will come, or the news that none
/// will. Dropping it ends the wait.
#[derive(Debug)]
pub(crate) struct RequestPromise {
    handoff: Arc<Handoff>,
    wait: Option<Wait>,
}

#[derive(Debug)]
struct Wait {
    place: Place,
    timeout: Pin<Box<Sleep>>,
}

impl RequestPromise {
    /// A promise that is kept within `timeout`, or never.
    pub(crate) fn new(handoff: Arc<Handoff>, place: Place, timeout: Duration) -> Self {
        handoff.open();
        let timeout = Box::pin(tokio::time::sleep(timeout));
        Self {
            handoff,
            wait: Some(Wait { place, timeout }),
        }
    }

    /// A promise that will not be kept.
    pub(crate) fn hopeless(handoff: Arc<Handoff>) -> Self {
        Self {
            handoff,
            wait: None,
        }
    }

    /// Ready when a request is here, or none will come.
    pub(crate) fn poll_decided(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(wait) = &mut self.wait else {
            return Poll::Ready(());
        };
        if self.handoff.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        if wait.place.is_draining() || wait.timeout.as_mut().poll(cx).is_ready() {
            self.handoff.end();
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// The guest asked, was told that nothing is decided, and does something
    /// else before it asks again.
    pub(crate) fn ask(&self) {
        self.handoff.ask();
    }

    /// The guest waits for this, and maybe for `others`, as long as the guard
    /// lives.
    pub(crate) fn block(&self, others: bool) -> Blocked {
        self.handoff.block(others)
    }

    /// The request, if there is one.
    pub(crate) fn take(self) -> Option<Delivery> {
        self.wait.as_ref()?;
        self.handoff.take()
    }
}

impl Drop for RequestPromise {
    fn drop(&mut self) {
        self.handoff.close();
    }
}
