//! Edge rate limiting: what entries (clients, keys) do is counted, and those
//! that do too much stay in a penalty box for a while.
//!
//! All sandboxes of a service share these, and they outlive it: see
//! [`State`](crate::State).

mod bounded;
mod counter;
mod penalty;
mod window;

use std::time::Duration;

pub use counter::{CountWindow, RateCounters, RateWindow};
pub use penalty::{PenaltyBoxes, PenaltyTime};

/// The rate counters and penalty boxes of a service. Clones share them.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Rates {
    /// What entries did.
    pub counters: RateCounters,
    /// Which entries are blocked.
    pub penalty_boxes: PenaltyBoxes,
}

/// What is asked of [`Rates::check`].
#[derive(Debug, Clone, Copy)]
pub struct RateCheck<'a> {
    /// The rate counter's name.
    pub counter: &'a str,
    /// The penalty box's name.
    pub penalty_box: &'a str,
    /// Whom it is about: an address, a key.
    pub entry: &'a str,
    /// How much to count.
    pub delta: u32,
    /// The time that the rate is of.
    pub window: RateWindow,
    /// The rate, per second, that is still good.
    pub limit: u32,
    /// How long an entry above it is blocked.
    pub penalty: PenaltyTime,
}

impl Rates {
    /// Counts, puts the entry into the penalty box if its rate over the window
    /// is now above the limit, and says whether it is in the box: since now or
    /// since earlier.
    ///
    /// An entry that goes on above the limit stays for another whole penalty.
    pub fn check(&self, check: &RateCheck<'_>) -> bool {
        let RateCheck { counter, entry, .. } = *check;
        let count = self
            .counters
            .add_and_count(counter, entry, check.delta, check.window);
        // As counts, in which no fraction of a rate is lost.
        let most = u64::from(check.limit).saturating_mul(check.window.seconds());
        if count > most {
            self.penalty_boxes
                .add(check.penalty_box, entry, check.penalty);
            return true;
        }
        self.penalty_boxes.has(check.penalty_box, entry)
    }
}

/// What is left of a whole number of units.
fn whole(time: Duration, unit: Duration) -> u64 {
    let units = time.as_nanos() / unit.as_nanos().max(1);
    u64::try_from(units).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
