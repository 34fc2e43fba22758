//! Histograms of fixed buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a histogram's buckets are.
pub(super) trait Scale {
    /// The buckets' upper bounds, in order, in the unit that is counted.
    const BOUNDS: &'static [u64];
    /// How many of that unit one of the unit that is shown is.
    const UNIT: f64;
}

/// Buckets that one histogram may have.
const MOST: usize = 16;

/// How often something was how large.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// The last that is used is for what is larger than all bounds.
    buckets: [AtomicU64; MOST + 1],
    sum: AtomicU64,
}

/// A histogram's numbers at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) buckets: [u64; MOST + 1],
    pub(super) sum: u64,
}

impl Histogram {
    pub(super) fn observe<S: Scale>(&self, value: u64) {
        const { assert!(S::BOUNDS.len() <= MOST) };
        let at = S::BOUNDS.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    pub(super) fn observe_time<S: Scale>(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.observe::<S>(nanos);
    }

    /// Adds its numbers to those of others.
    pub(super) fn add_to(&self, snapshot: &mut Snapshot) {
        for (bucket, sum) in self.buckets.iter().zip(&mut snapshot.buckets) {
            *sum = sum.wrapping_add(bucket.load(Ordering::Relaxed));
        }
        let sum = self.sum.load(Ordering::Relaxed);
        snapshot.sum = snapshot.sum.wrapping_add(sum);
    }
}

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;
const MIB: u64 = 1024 * 1024;

/// Times that clients wait.
pub(super) struct Waiting;

impl Scale for Waiting {
    const BOUNDS: &'static [u64] = &[
        500 * MICROSECOND,
        MILLISECOND,
        2_500 * MICROSECOND,
        5 * MILLISECOND,
        10 * MILLISECOND,
        25 * MILLISECOND,
        50 * MILLISECOND,
        100 * MILLISECOND,
        250 * MILLISECOND,
        500 * MILLISECOND,
        SECOND,
        2_500 * MILLISECOND,
        5 * SECOND,
        10 * SECOND,
        30 * SECOND,
        120 * SECOND,
    ];
    const UNIT: f64 = 1e9;
}

/// CPU time of guests. A platform allows 50 ms.
pub(super) struct Computing;

impl Scale for Computing {
    const BOUNDS: &'static [u64] = &[
        100 * MICROSECOND,
        250 * MICROSECOND,
        500 * MICROSECOND,
        MILLISECOND,
        2_500 * MICROSECOND,
        5 * MILLISECOND,
        10 * MILLISECOND,
        25 * MILLISECOND,
        50 * MILLISECOND,
        100 * MILLISECOND,
        250 * MILLISECOND,
        500 * MILLISECOND,
        SECOND,
        2_500 * MILLISECOND,
        10 * SECOND,
    ];
    const UNIT: f64 = 1e9;
}

/// Memory of guests. A platform allows 128 MiB.
pub(super) struct Memory;

impl Scale for Memory {
    const BOUNDS: &'static [u64] = &[
        MIB,
        2 * MIB,
        4 * MIB,
        8 * MIB,
        16 * MIB,
        32 * MIB,
        64 * MIB,
        128 * MIB,
        256 * MIB,
        1024 * MIB,
    ];
    const UNIT: f64 = 1.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_first_bucket_that_it_does_not_exceed() {
        let histogram = Histogram::default();
        for bytes in [0, MIB, MIB + 1, 128 * MIB, 5_000 * MIB] {
            histogram.observe::<Memory>(bytes);
        }
        let mut snapshot = Snapshot::default();
        histogram.add_to(&mut snapshot);
        let mut expected = [0; MOST + 1];
        (expected[0], expected[1], expected[7], expected[10]) = (2, 1, 1, 1);
        assert_eq!(snapshot.buckets, expected);
        assert_eq!(snapshot.sum, 5_130 * MIB + 1);
    }

    #[test]
    fn times_are_counted_in_nanoseconds() {
        let histogram = Histogram::default();
        histogram.observe_time::<Waiting>(Duration::from_millis(3));
        histogram.observe_time::<Waiting>(Duration::MAX);
        let mut snapshot = Snapshot::default();
        histogram.add_to(&mut snapshot);
        assert_eq!((snapshot.buckets[3], snapshot.buckets[MOST]), (1, 1));
    }
}
