//! Admission: which engine a run's instance comes from, and how many run.
//!
//! Three jobs, and no wasm state kept between runs:
//!
//! 1. *Warm slots*: up to [`Limits::pool_slots`](crate::Limits) runs get a
//!    slot of wasmtime's pooling allocator, whose memory is an image that is
//!    already mapped. A slot that was used keeps some of its pages.
//! 2. *Spikes*: past that, instances are allocated on demand and thrown away
//!    with their request, up to [`Limits::max_sandboxes`](crate::Limits).
//! 3. *The limit*: past that a request waits for a bounded time, and is
//!    refused then.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counts the sandboxes of a service.
#[derive(Debug)]
pub(crate) struct InstancePool {
    all: Arc<Semaphore>,
    slots: Arc<Semaphore>,
    slot_count: usize,
    wait: Duration,
}

/// The right to run one sandbox.
#[derive(Debug)]
pub(crate) struct Permit {
    _any: OwnedSemaphorePermit,
    slot: Option<OwnedSemaphorePermit>,
}

impl Permit {
    /// True if the run gets a warm slot.
    pub(crate) fn is_pooled(&self) -> bool {
        self.slot.is_some()
    }
}

impl InstancePool {
    pub(crate) fn new(slots: usize, all: usize, wait: Duration) -> Self {
        let all = all.clamp(1, Semaphore::MAX_PERMITS);
        let slot_count = slots.clamp(1, all);
        Self {
            all: Arc::new(Semaphore::new(all)),
            slots: Arc::new(Semaphore::new(slot_count)),
            slot_count,
            wait,
        }
    }

    /// The number of warm slots.
    pub(crate) fn slot_count(&self) -> usize {
        self.slot_count
    }

    /// A permit, as soon as there is one; none after the longest wait.
    pub(crate) async fn admit(&self) -> Option<Permit> {
        let any = match Arc::clone(&self.all).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let waiting = Arc::clone(&self.all).acquire_owned();
                tokio::time::timeout(self.wait, waiting).await.ok()?.ok()?
            }
        };
        let slot = Arc::clone(&self.slots).try_acquire_owned().ok();
        Some(Permit { _any: any, slot })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn slots_first_then_spikes_then_a_bounded_wait() {
        let pool = Arc::new(InstancePool::new(1, 2, Duration::from_secs(1)));
        let first = pool.admit().await.expect("a slot");
        let second = pool.admit().await.expect("a spike");
        assert_eq!((first.is_pooled(), second.is_pooled()), (true, false));
        assert!(pool.admit().await.is_none(), "refused after the wait");
        let waiting = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.admit().await }
        });
        tokio::task::yield_now().await;
        drop(first);
        let third = waiting
            .await
            .expect("task")
            .expect("admitted within the wait");
        assert!(third.is_pooled(), "the slot is free again");
    }
}
