//! What is counted of clients' requests.

use std::sync::atomic::{AtomicU64, Ordering};

use fastlike_runtime::{Outcome, RequestReport};

use super::histogram::{Computing, Histogram, Memory, Waiting};

/// Statuses of three digits, from 100 on.
const STATUSES: usize = 900;

/// How runs end, by the names that are shown.
pub(super) const OUTCOMES: [&str; 11] = [
    "finished",
    "exited",
    "trapped",
    "cpu_limit",
    "wall_limit",
    "cancelled",
    "refused",
    "looped",
    "rejected",
    "not_started",
    "other",
];

/// Counters, of some threads' requests.
pub(super) struct Requests {
    statuses: [AtomicU64; STATUSES],
    /// The client went away before there was a status.
    unanswered: AtomicU64,
    outcomes: [AtomicU64; OUTCOMES.len()],
    reused: AtomicU64,
    pub(super) wall: Histogram,
    pub(super) cpu: Histogram,
    pub(super) heap: Histogram,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            statuses: std::array::from_fn(|_| AtomicU64::new(0)),
            unanswered: AtomicU64::default(),
            outcomes: Default::default(),
            reused: AtomicU64::default(),
            wall: Histogram::default(),
            cpu: Histogram::default(),
            heap: Histogram::default(),
        }
    }
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Requests {
    pub(super) fn count(&self, report: &RequestReport) {
        let index = report
            .status
            .map(|status| usize::from(status.as_u16()) - 100);
        let status = index.and_then(|index| self.statuses.get(index));
        add(status.unwrap_or(&self.unanswered));
        let outcome = outcome(&report.outcome);
        if let Some(counter) = self.outcomes.get(outcome) {
            add(counter);
        }
        self.wall.observe_time::<Waiting>(report.wall);
        if report.reused {
            add(&self.reused);
        }
        // Nothing was spent where no guest ran.
        if report.heap_peak > 0 {
            self.cpu.observe_time::<Computing>(report.cpu);
            self.heap.observe::<Memory>(report.heap_peak);
        }
    }

    /// Adds the counts to those of others, by status.
    pub(super) fn add_statuses(&self, sums: &mut [u64; STATUSES]) {
        for (counter, sum) in self.statuses.iter().zip(sums) {
            *sum = sum.wrapping_add(counter.load(Ordering::Relaxed));
        }
    }

    pub(super) fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::Relaxed)
    }

    pub(super) fn reused(&self) -> u64 {
        self.reused.load(Ordering::Relaxed)
    }

    /// The count of one of [`OUTCOMES`].
    pub(super) fn outcome(&self, index: usize) -> u64 {
        let counter = self.outcomes.get(index);
        counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
    }
}

/// The status that is counted there.
pub(super) fn status(index: usize) -> usize {
    index + 100
}

/// A place for each status.
pub(super) fn statuses() -> [u64; STATUSES] {
    [0; STATUSES]
}

/// Where in [`OUTCOMES`] an outcome is.
fn outcome(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Finished => 0,
        Outcome::Exited(_) => 1,
        Outcome::Trapped(_) => 2,
        Outcome::CpuLimit => 3,
        Outcome::WallLimit => 4,
        Outcome::Cancelled => 5,
        Outcome::Refused => 6,
        Outcome::Looped => 7,
        Outcome::Rejected(_) => 8,
        Outcome::NotStarted(_) => 9,
        _ => OUTCOMES.len() - 1,
    }
}
