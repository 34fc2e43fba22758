//! How a request gets into a sandbox that already runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::session::{ClientRequest, ResponseSlot};

/// A client's request on its way into a sandbox, with the place of its answer.
pub(crate) struct Delivery {
    pub(crate) client: ClientRequest,
    pub(crate) slot: ResponseSlot,
}

/// Where a sandbox takes its next request from. One for each sandbox, shared
/// by its guest's session and by whoever polls the guest.
#[derive(Default)]
pub(crate) struct Handoff {
    /// Requests that were taken, without the sandbox's first.
    turns: AtomicU32,
    /// What the guest does: [`BUSY`], [`SELECTS`] or [`WAITS`].
    doing: AtomicU8,
    state: Mutex<State>,
}

/// Anything else.
const BUSY: u8 = 0;
/// The guest waits for the first of several things, of which its next request
/// is one.
const SELECTS: u8 = 1;
/// The guest waits for its next request, and for nothing else.
const WAITS: u8 = 2;

#[derive(Default)]
struct State {
    /// The guest holds a promise.
    open: bool,
    /// The guest asked whether its next request is there, and it was not.
    asked: bool,
    /// The promise will not be kept.
    over: bool,
    delivery: Option<Box<Delivery>>,
    waker: Option<Waker>,
}

/// What the guest's side does.
impl Handoff {
    /// The guest makes a promise to take a request.
    pub(crate) fn open(&self) {
        let mut state = self.state.lock();
        (state.open, state.asked, state.over) = (true, false, false);
    }

    /// The promise is gone: kept, abandoned, or ended with its sandbox.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        (state.open, state.asked) = (false, false);
    }

    /// Ready when a request is here, or none will come.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.over || state.delivery.is_some() {
            return Poll::Ready(());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The guest was told that there is no request yet: it will ask again.
    pub(crate) fn ask(&self) {
        self.state.lock().asked = true;
    }

    /// The guest takes the request that is here.
    pub(crate) fn take(&self) -> Option<Delivery> {
        let delivery = self.state.lock().delivery.take()?;
        self.turns.fetch_add(1, Ordering::AcqRel);
        Some(*delivery)
    }

    /// The guest is blocked in waiting for its next request, and maybe for
    /// `others`, as long as the guard lives.
    pub(crate) fn block(self: &Arc<Self>, others: bool) -> Blocked {
        let doing = if others { SELECTS } else { WAITS };
        self.doing.store(doing, Ordering::Release);
        Blocked(Arc::clone(self))
    }
}

/// What the host's side does.
impl Handoff {
    /// How many requests the sandbox has taken after its first.
    pub(crate) fn turns(&self) -> u32 {
        self.turns.load(Ordering::Acquire)
    }

    /// True while the guest waits for its next request.
    pub(crate) fn is_blocked(&self) -> bool {
        self.doing.load(Ordering::Acquire) != BUSY
    }

    /// True if nothing but a request, or its timeout, concerns the guest.
    pub(crate) fn is_idle(&self) -> bool {
        self.doing.load(Ordering::Acquire) == WAITS
    }

    /// True if a request that is handed over is likely to be taken.
    pub(crate) fn is_waiting(&self) -> bool {
        let state = self.state.lock();
        state.open && !state.over && state.delivery.is_none() && (state.asked || self.is_blocked())
    }

    /// True while the guest holds a promise.
    pub(crate) fn is_open(&self) -> bool {
        self.state.lock().open
    }

    /// Puts a request where the guest finds it. To be called by whoever has
    /// the guest, who polls it then.
    pub(crate) fn hand(&self, delivery: Delivery) {
        self.state.lock().delivery = Some(Box::new(delivery));
    }

    /// The sandbox's first request is its only one: it has had all that it may.
    pub(crate) fn seal(&self) {
        self.turns.store(u32::MAX, Ordering::Release);
    }

    /// Takes back a request that the guest has not taken.
    pub(crate) fn reclaim(&self) -> Option<Delivery> {
        let mut state = self.state.lock();
        state.asked = false;
        state.delivery.take().map(|delivery| *delivery)
    }

    /// No request will come any more: the guest's wait ends.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        state.over = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Says that the guest is blocked, until it is dropped.
pub(crate) struct Blocked(Arc<Handoff>);

impl Drop for Blocked {
    fn drop(&mut self) {
        self.0.doing.store(BUSY, Ordering::Release);
    }
}

impl std::fmt::Debug for Handoff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handoff")
            .field("turns", &self.turns())
            .finish_non_exhaustive()
    }
}
