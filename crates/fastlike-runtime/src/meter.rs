//! What a run costs: guest CPU time and heap, readable while it runs.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::engine::Ticker;

/// The counters of one run.
///
/// Guest CPU time is thread CPU time summed over the polls of the guest's
/// future. All methods but [`Meter::cpu`] are called on the thread that polls.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Nanoseconds of finished polls.
    spent: AtomicU64,
    /// Of these, what earlier requests of the sandbox have cost.
    earlier: AtomicU64,
    /// Thread time at which the present poll began.
    began: AtomicU64,
    heap: AtomicU64,
    heap_peak: AtomicU64,
}

/// Work whose first time makes what all later ones use: a set of rules, say.
#[derive(Debug, Default)]
pub(crate) struct FirstTime(AtomicBool);

impl FirstTime {
    /// True once.
    fn is_now(&self) -> bool {
        !self.0.load(Ordering::Relaxed) && !self.0.swap(true, Ordering::Relaxed)
    }
}

fn thread_time() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let whole = u64::try_from(now.tv_sec)
        .unwrap_or(0)
        .saturating_mul(1_000_000_000);
    whole.saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0))
}

impl Meter {
    /// CPU time of the whole run, including the poll that is running on this
    /// thread.
    pub(crate) fn cpu_so_far(&self) -> Duration {
        Duration::from_nanos(self.nanos_so_far())
    }

    /// CPU time for the present request, including the poll that is running
    /// on this thread.
    pub(crate) fn turn_so_far(&self) -> Duration {
        let earlier = self.earlier.load(Ordering::Relaxed);
        Duration::from_nanos(self.nanos_so_far().saturating_sub(earlier))
    }

    /// CPU time for the present request, of all finished polls.
    pub(crate) fn cpu(&self) -> Duration {
        let earlier = self.earlier.load(Ordering::Relaxed);
        Duration::from_nanos(self.spent.load(Ordering::Relaxed).saturating_sub(earlier))
    }

    /// From now on it is another request's time.
    pub(crate) fn begin_turn(&self) {
        self.earlier.store(self.nanos_so_far(), Ordering::Relaxed);
    }

    fn nanos_so_far(&self) -> u64 {
        let slice = thread_time().saturating_sub(self.began.load(Ordering::Relaxed));
        self.spent.load(Ordering::Relaxed).saturating_add(slice)
    }

    /// Bytes of linear memory now.
    pub(crate) fn heap(&self) -> u64 {
        self.heap.load(Ordering::Relaxed)
    }

    /// Most bytes of linear memory so far.
    pub(crate) fn heap_peak(&self) -> u64 {
        self.heap_peak.load(Ordering::Relaxed)
    }

    pub(crate) fn set_heap(&self, bytes: u64) {
        self.heap.store(bytes, Ordering::Relaxed);
        self.heap_peak.fetch_max(bytes, Ordering::Relaxed);
    }

    /// Does some work. Its first time is for all guests that come after, and
    /// not the present one's to pay.
    pub(crate) fn uncounted_at_first<T>(&self, first: &FirstTime, work: impl FnOnce() -> T) -> T {
        if !first.is_now() {
            return work();
        }
        let before = thread_time();
        let done = work();
        let spent = thread_time().saturating_sub(before);
        self.began.fetch_add(spent, Ordering::Relaxed);
        done
    }

    fn begin(&self) {
        self.began.store(thread_time(), Ordering::Relaxed);
    }

    fn end(&self) {
        let slice = thread_time().saturating_sub(self.began.load(Ordering::Relaxed));
        self.spent.fetch_add(slice, Ordering::Relaxed);
    }
}

/// A guest's future whose polls are metered, and during which the engine's
/// epoch ticks.
pub(crate) struct Metered<F> {
    guest: Pin<Box<F>>,
    meter: Arc<Meter>,
    ticker: Arc<Ticker>,
}

impl<F> Metered<F> {
    pub(crate) fn new(guest: F, meter: Arc<Meter>, ticker: Arc<Ticker>) -> Self {
        Self {
            guest: Box::pin(guest),
            meter,
            ticker,
        }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _ticking = this.ticker.enter();
        this.meter.begin();
        let result = this.guest.as_mut().poll(cx);
        this.meter.end();
        result
    }
}
