//! How many connections an origin may have.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Counts connections up to a limit.
#[derive(Debug)]
pub(super) struct Limit {
    max: usize,
    used: AtomicUsize,
    changed: Notify,
}

/// The right to have one connection.
#[derive(Debug)]
pub(in crate::backend) struct Slot(Arc<Limit>);

impl Limit {
    /// Zero is no limit.
    pub(super) fn new(max: u32) -> Option<Arc<Self>> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        (max > 0).then(|| {
            Arc::new(Self {
                max,
                used: AtomicUsize::new(0),
                changed: Notify::new(),
            })
        })
    }

    pub(super) fn slot(self: &Arc<Self>) -> Option<Slot> {
        let more = |used: usize| (used < self.max).then_some(used.saturating_add(1));
        self.used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .ok()
            .map(|_| Slot(Arc::clone(self)))
    }

    /// A slot may be free, or a connection idle.
    pub(super) fn tell(&self) {
        self.changed.notify_one();
    }

    /// Returns when [`Limit::tell`] was called since this was enabled, once
    /// for each call.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }
}

/// Wakes one of those who wait for a change.
impl Wake for Limit {
    fn wake(self: Arc<Self>) {
        self.tell();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::AcqRel);
        self.0.tell();
    }
}
