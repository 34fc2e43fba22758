//! Counters that threads do not wait for each other at.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// More than so many do not pay: each is some kilobytes.
const MOST: usize = 16;

/// Several of the same, of which each thread uses one, so that processors do
/// not take cache lines from each other.
pub(super) struct Sharded<T>(Box<[Apart<T>]>);

/// Shares no cache line with its neighbours; some processors fetch two at once.
#[derive(Default)]
#[repr(align(128))]
struct Apart<T>(T);

thread_local! {
    static NUMBER: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The thread's number.
fn number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NUMBER.with(|number| {
        let own = number.get();
        own.unwrap_or_else(|| {
            let new = NEXT.fetch_add(1, Ordering::Relaxed);
            number.set(Some(new));
            new
        })
    })
}

impl<T: Default> Sharded<T> {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let count = cores.next_power_of_two().min(MOST);
        Self((0..count).map(|_| Apart::default()).collect())
    }
}

impl<T> Sharded<T> {
    /// This thread's.
    pub(super) fn mine(&self) -> &T {
        // Their number is a power of two, and at least one.
        let at = number() & (self.0.len() - 1);
        &self.0[at].0
    }

    /// The sum of what `count` says of each.
    pub(super) fn sum(&self, count: impl Fn(&T) -> u64) -> u64 {
        let counts = self.0.iter().map(|shard| count(&shard.0));
        counts.fold(0, u64::wrapping_add)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|shard| &shard.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn nothing_that_any_thread_counts_is_missed() {
        let sharded = Sharded::<AtomicU64>::new();
        std::thread::scope(|scope| {
            for _ in 0..2 * MOST {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        sharded.mine().fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let all = sharded.sum(|count| count.load(Ordering::Relaxed));
        assert_eq!(all, 2 * MOST as u64 * 1_000);
    }
}
