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

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::guest::Guest;
use crate::reuse::Lot;

/// Counts the sandboxes of a service.
#[derive(Debug)]
pub(crate) struct InstancePool {
    all: Arc<Semaphore>,
    all_count: usize,
    slots: Arc<Semaphore>,
    slot_count: usize,
    wait: Duration,
}

/// What a request is run by.
pub(crate) enum Admitted {
    /// A new sandbox, which may run.
    New(Permit),
    /// A sandbox that waits for a request.
    Parked(Guest),
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
            all_count: all,
            slots: Arc::new(Semaphore::new(slot_count)),
            slot_count,
            wait,
        }
    }

    /// The number of warm slots.
    pub(crate) fn slot_count(&self) -> usize {
        self.slot_count
    }

    /// Sandboxes that there may be.
    pub(crate) fn all_count(&self) -> usize {
        self.all_count
    }

    /// Sandboxes that there are, and how many of them have a warm slot.
    pub(crate) fn in_use(&self) -> (usize, usize) {
        let used = |count: usize, free: &Semaphore| count.saturating_sub(free.available_permits());
        (
            used(self.all_count, &self.all),
            used(self.slot_count, &self.slots),
        )
    }

    /// A permit, if there is one now.
    pub(crate) fn try_admit(&self) -> Option<Permit> {
        let any = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some(self.permit(any))
    }

    fn permit(&self, any: OwnedSemaphorePermit) -> Permit {
        let slot = Arc::clone(&self.slots).try_acquire_owned().ok();
        Permit { _any: any, slot }
    }

    /// A sandbox for a request: one that is parked, or else a new one, as soon
    /// as there is either; none after the longest wait.
    pub(crate) async fn admit(&self, lot: &Lot) -> Option<Admitted> {
        if let Some(guest) = lot.take() {
            return Some(Admitted::Parked(guest));
        }
        if let Some(permit) = self.try_admit() {
            return Some(Admitted::New(permit));
        }
        tokio::time::timeout(self.wait, self.wait_for(lot))
            .await
            .ok()?
    }

    async fn wait_for(&self, lot: &Lot) -> Option<Admitted> {
        let queued = lot.queue();
        let mut permit = pin!(Arc::clone(&self.all).acquire_owned());
        loop {
            let mut freed = pin!(queued.freed());
            // A sandbox that is parked from here on is not missed.
            freed.as_mut().enable();
            if let Some(guest) = lot.take() {
                return Some(Admitted::Parked(guest));
            }
            tokio::select! {
                any = permit.as_mut() => return Some(Admitted::New(self.permit(any.ok()?))),
                () = freed => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn admit(pool: &InstancePool) -> Option<Permit> {
        match pool.admit(&Lot::new(0)).await? {
            Admitted::New(permit) => Some(permit),
            Admitted::Parked(_) => panic!("nothing is parked"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slots_first_then_spikes_then_a_bounded_wait() {
        let pool = Arc::new(InstancePool::new(1, 2, Duration::from_secs(1)));
        let first = admit(&pool).await.expect("a slot");
        assert_eq!(pool.in_use(), (1, 1));
        let second = admit(&pool).await.expect("a spike");
        assert_eq!(pool.in_use(), (2, 1));
        assert_eq!((first.is_pooled(), second.is_pooled()), (true, false));
        assert!(admit(&pool).await.is_none(), "refused after the wait");
        let waiting = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { admit(&pool).await }
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
