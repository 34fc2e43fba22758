//! Rate counters.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::bounded::{Bounded, Leaves};
use super::whole;
use super::window::Ring;

/// Ticks of the fine clock in a second. The windows of 1 and 10 seconds are
/// read by it.
const TENTHS: usize = 10;

/// The time that a rate is of (ABI facts, section 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateWindow {
    /// The last second.
    OneSecond,
    /// The last ten seconds.
    TenSeconds,
    /// The last minute.
    OneMinute,
}

impl RateWindow {
    /// The window of so many seconds, if there is one: 1, 10 or 60.
    pub fn of_seconds(seconds: u32) -> Option<Self> {
        match seconds {
            1 => Some(Self::OneSecond),
            10 => Some(Self::TenSeconds),
            60 => Some(Self::OneMinute),
            _ => None,
        }
    }

    pub(super) fn seconds(self) -> u64 {
        match self {
            Self::OneSecond => 1,
            Self::TenSeconds => 10,
            Self::OneMinute => 60,
        }
    }
}

/// The time that a count is of: 10 to 60 seconds in steps of 10 (ABI facts,
/// section 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountWindow(usize);

impl CountWindow {
    /// The window of so many seconds, if there is one.
    pub fn of_seconds(seconds: u32) -> Option<Self> {
        let there_is = (10..=60).contains(&seconds) && seconds.is_multiple_of(10);
        let seconds = usize::try_from(seconds).ok()?;
        there_is.then_some(Self(seconds))
    }
}

/// Counters of what entries did in the last minute. Clones share them.
///
/// A window is real: it ends now and slides. One of 1 or 10 seconds begins on
/// a tenth of a second, a longer one on a second, so it can be short of its
/// length by that much, and never reaches further back. (The platform's are
/// short by up to a second.)
///
/// Of the entries of all counters together, 32,768 are remembered; when there
/// are more, those that were not counted for longest are forgotten.
#[derive(Debug, Clone)]
pub struct RateCounters {
    entries: Arc<Bounded<Counts>>,
    born: Instant,
}

#[derive(Debug, Default)]
struct Counts {
    tenths: Ring<{ 10 * TENTHS }>,
    seconds: Ring<60>,
    /// The tenth in which it was last counted.
    touched: u64,
}

impl Leaves for Counts {
    fn rank(&self) -> u64 {
        self.touched
    }
}

impl Counts {
    fn add(&mut self, now: Now, delta: u32) {
        self.touched = now.tenth;
        self.tenths.add(now.tenth, delta);
        self.seconds.add(now.second, delta);
    }

    fn sum(&self, now: Now, seconds: usize) -> u64 {
        match seconds {
            0..=10 => self.tenths.sum(now.tenth, seconds * TENTHS),
            _ => self.seconds.sum(now.second, seconds),
        }
    }
}

#[derive(Clone, Copy)]
struct Now {
    tenth: u64,
    second: u64,
}

impl Default for RateCounters {
    fn default() -> Self {
        Self {
            entries: Arc::default(),
            born: Instant::now(),
        }
    }
}

impl RateCounters {
    fn now(&self) -> Now {
        let age = self.born.elapsed();
        Now {
            tenth: whole(age, Duration::from_millis(100)),
            second: whole(age, Duration::from_secs(1)),
        }
    }

    /// Counts `delta` more for an entry of the counter.
    pub fn increment(&self, counter: &str, entry: &str, delta: u32) {
        self.change(counter, entry, |counts, now| counts.add(now, delta));
    }

    /// The sum of what was counted for an entry.
    pub fn count(&self, counter: &str, entry: &str, window: CountWindow) -> u64 {
        self.sum(counter, entry, window.0)
    }

    /// How much was counted for an entry per second, to the nearest whole
    /// number.
    pub fn rate(&self, counter: &str, entry: &str, window: RateWindow) -> u64 {
        let seconds = window.seconds();
        let count = self.sum(counter, entry, usize::try_from(seconds).unwrap_or(0));
        count.saturating_add(seconds / 2) / seconds
    }

    /// How many entries are remembered.
    pub fn entries(&self) -> usize {
        self.entries.len()
    }

    /// Counts, and gives the sum over the window.
    pub(super) fn add_and_count(
        &self,
        counter: &str,
        entry: &str,
        delta: u32,
        window: RateWindow,
    ) -> u64 {
        let seconds = usize::try_from(window.seconds()).unwrap_or(0);
        let sum = self.change(counter, entry, |counts, now| {
            counts.add(now, delta);
            counts.sum(now, seconds)
        });
        sum.unwrap_or(0)
    }

    fn change<R>(
        &self,
        counter: &str,
        entry: &str,
        change: impl FnOnce(&mut Counts, Now) -> R,
    ) -> Option<R> {
        // Read under the lock, so that the ticks of an entry never go back.
        self.entries
            .change(counter, entry, Counts::default, |counts| {
                change(counts, self.now())
            })
    }

    fn sum(&self, counter: &str, entry: &str, seconds: usize) -> u64 {
        let sum = self
            .entries
            .look(counter, entry, |counts| counts.sum(self.now(), seconds));
        sum.unwrap_or(0)
    }
}
