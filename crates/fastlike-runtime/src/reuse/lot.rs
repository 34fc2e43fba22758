//! Where sandboxes wait for their next request.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::guest::Guest;
use crate::incident;
use crate::run::Ended;
use crate::session::detach;

/// How long a guest that only waits for a request is left alone before it is
/// watched: on a busy server it has one long before that.
const UNWATCHED: Duration = Duration::from_millis(2);

/// The parked sandboxes of a service.
#[derive(Default)]
pub(crate) struct Lot {
    /// Places for sandboxes that wait, or are about to.
    limit: usize,
    taken: AtomicUsize,
    /// Servers that are shutting down: nobody waits for more requests.
    draining: AtomicUsize,
    /// The length of `spots`, to be seen without the lock.
    parked: AtomicUsize,
    /// The one that was parked last is taken first: its memory is warmest.
    spots: Mutex<Vec<Arc<Spot>>>,
    /// Requests that wait until a sandbox is free.
    queued: AtomicUsize,
    freed: Notify,
    /// Somebody looks for guests that are to be watched.
    patrolled: AtomicBool,
}

impl Lot {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// A place to wait in; none if all are taken, or the server shuts down.
    pub(crate) fn reserve(self: &Arc<Self>) -> Option<Place> {
        if self.is_draining() {
            return None;
        }
        if self.taken.fetch_add(1, Ordering::AcqRel) >= self.limit {
            self.taken.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(Place(Arc::clone(self)))
    }

    /// Parks a guest until its next request.
    pub(crate) fn park(self: &Arc<Self>, guest: Guest) {
        let idle = guest.handoff.is_idle();
        let spot = Arc::new(Spot::new(guest));
        self.add(Arc::clone(&spot));
        if !idle {
            self.watch(&spot);
        } else if !self.patrolled.swap(true, Ordering::AcqRel) {
            drop(detach(Arc::clone(self).patrol()));
        }
    }

    /// Takes a guest out that waits for its next request.
    pub(crate) fn take(&self) -> Option<Guest> {
        while self.parked.load(Ordering::SeqCst) > 0 {
            let spot = {
                let mut spots = self.spots.lock();
                let spot = spots.pop();
                self.parked.store(spots.len(), Ordering::Release);
                spot?
            };
            // A guest that is being polled is about to do something else, or
            // comes back by itself.
            let Some(mut state) = spot.state.try_lock() else {
                continue;
            };
            let waits = state.guest.as_ref().is_some_and(|g| g.handoff.is_waiting());
            if waits && let Some(guest) = state.guest.take() {
                if let Some(watcher) = state.watcher.take() {
                    watcher.wake();
                }
                return Some(guest);
            }
        }
        None
    }

    fn add(self: &Arc<Self>, spot: Arc<Spot>) {
        let mut spots = self.spots.lock();
        spots.push(spot);
        // Who parks looks for requests after that, who queues for sandboxes:
        // in one order for all, so that they do not miss each other.
        self.parked.store(spots.len(), Ordering::SeqCst);
        drop(spots);
        if self.queued.load(Ordering::SeqCst) > 0 {
            self.freed.notify_one();
        }
        if self.is_draining() {
            self.end_all();
        }
    }

    /// Ends the waiting of all.
    fn end_all(self: &Arc<Self>) {
        let spots = std::mem::take(&mut *self.spots.lock());
        self.parked.store(0, Ordering::Release);
        for spot in spots {
            if let Some(guest) = &spot.state.lock().guest {
                guest.handoff.end();
            }
            self.watch(&spot);
        }
    }

    fn remove(&self, spot: &Arc<Spot>) {
        let mut spots = self.spots.lock();
        spots.retain(|other| !Arc::ptr_eq(other, spot));
        self.parked.store(spots.len(), Ordering::Release);
    }

    /// Counts a request that waits for a sandbox, until the guard is dropped.
    pub(crate) fn queue(&self) -> Queued<'_> {
        self.queued.fetch_add(1, Ordering::SeqCst);
        Queued(self)
    }

    /// Sandboxes that wait for a request.
    pub(crate) fn parked(&self) -> usize {
        self.parked.load(Ordering::Acquire)
    }

    /// Requests that wait for a sandbox.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Acquire)
    }

    /// Whether a server shuts down.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire) > 0
    }

    /// Ends all waiting at once, and lets none begin until the guard is
    /// dropped.
    pub(crate) fn drain(self: &Arc<Self>) -> Draining {
        self.draining.fetch_add(1, Ordering::AcqRel);
        self.end_all();
        Draining(Arc::clone(self))
    }

    /// Has every guest watched that is parked for some time.
    async fn patrol(self: Arc<Self>) {
        loop {
            tokio::time::sleep(UNWATCHED).await;
            let mut news = false;
            let spots = self.spots.lock().clone();
            for spot in spots {
                if spot.watched.load(Ordering::Acquire) {
                    continue;
                }
                if spot.seen.swap(true, Ordering::AcqRel) {
                    self.watch(&spot);
                } else {
                    news = true;
                }
            }
            if news {
                continue;
            }
            self.patrolled.store(false, Ordering::Release);
            // Who was parked meanwhile relied on this patrol.
            let unwatched = |spot: &Arc<Spot>| !spot.watched.load(Ordering::Acquire);
            let missed = self.spots.lock().iter().any(unwatched);
            if !missed || self.patrolled.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }

    /// Has a parked guest polled for what it waits for besides its next
    /// request, such as its own timeout.
    fn watch(self: &Arc<Self>, spot: &Arc<Spot>) {
        if spot.watched.swap(true, Ordering::AcqRel) {
            return;
        }
        let (lot, spot) = (Arc::clone(self), Arc::clone(spot));
        drop(detach(async move {
            match std::future::poll_fn(|cx| spot.poll(&lot, cx)).await {
                Left::Taken => {}
                Left::Ended(ended) => incident::log_idle_fault(&ended),
                Left::Busy(guest) => lot.attend(guest).await,
            }
        }));
    }

    /// Lets a guest go on that has answered, but does not just wait for its
    /// next request, until it ends or does.
    pub(crate) async fn attend(self: &Arc<Self>, mut guest: Guest) {
        let next = std::future::poll_fn(|cx| match Pin::new(&mut guest).poll(cx) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if guest.handoff.is_waiting() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        match next.await {
            Some(ended) => incident::log_idle_fault(&ended),
            None => self.park(guest),
        }
    }
}

/// A place in the lot: given back when it is dropped.
pub(crate) struct Place(Arc<Lot>);

impl Place {
    /// True if the server began to shut down since.
    pub(crate) fn is_draining(&self) -> bool {
        self.0.is_draining()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Place")
    }
}

/// A request that waits for a sandbox.
pub(crate) struct Queued<'a>(&'a Lot);

impl<'a> Queued<'a> {
    /// Returns when a sandbox was parked after this call.
    pub(crate) fn freed(&self) -> Notified<'a> {
        self.0.freed.notified()
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.queued.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A server that shuts down.
pub(crate) struct Draining(Arc<Lot>);

impl Drop for Draining {
    fn drop(&mut self) {
        self.0.draining.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Where one guest is parked.
struct Spot {
    state: Mutex<Occupied>,
    /// A task polls the guest.
    watched: AtomicBool,
    /// A patrol has passed by.
    seen: AtomicBool,
}

struct Occupied {
    guest: Option<Guest>,
    /// Whose task ends when the guest is taken.
    watcher: Option<Waker>,
}

/// What became of a parked guest.
enum Left {
    /// A request took it.
    Taken,
    /// It ended.
    Ended(Ended),
    /// It does something else.
    Busy(Guest),
}

impl Spot {
    fn new(guest: Guest) -> Self {
        Self {
            state: Mutex::new(Occupied {
                guest: Some(guest),
                watcher: None,
            }),
            watched: AtomicBool::new(false),
            seen: AtomicBool::new(false),
        }
    }

    fn poll(self: &Arc<Self>, lot: &Arc<Lot>, cx: &mut Context<'_>) -> Poll<Left> {
        let mut state = self.state.lock();
        let Some(mut guest) = state.guest.take() else {
            return Poll::Ready(Left::Taken);
        };
        // Who is polled is not to be taken.
        lot.remove(self);
        if let Poll::Ready(ended) = Pin::new(&mut guest).poll(cx) {
            return Poll::Ready(Left::Ended(ended));
        }
        if !guest.handoff.is_waiting() {
            return Poll::Ready(Left::Busy(guest));
        }
        state.guest = Some(guest);
        state.watcher = Some(cx.waker().clone());
        drop(state);
        lot.add(Arc::clone(self));
        Poll::Pending
    }
}
