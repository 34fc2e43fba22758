//! Counts of the last ticks of a clock.

/// What was counted in each of the last `N` ticks.
#[derive(Debug, Clone)]
pub(super) struct Ring<const N: usize> {
    counts: [u32; N],
    /// The tick of the newest count.
    newest: u64,
}

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self {
            counts: [0; N],
            newest: 0,
        }
    }
}

impl<const N: usize> Ring<N> {
    /// Counts at the tick `now`, which is never before an earlier one's: the
    /// clock of all is the same, and they take turns. If it is, it counts as
    /// the newest.
    pub(super) fn add(&mut self, now: u64, delta: u32) {
        let now = now.max(self.newest);
        let passed = now - self.newest;
        if passed >= N as u64 {
            self.counts = [0; N];
        } else {
            for tick in self.newest + 1..=now {
                if let Some(count) = self.counts.get_mut(slot::<N>(tick)) {
                    *count = 0;
                }
            }
        }
        self.newest = now;
        if let Some(count) = self.counts.get_mut(slot::<N>(now)) {
            *count = count.saturating_add(delta);
        }
    }

    /// The sum of the last `ticks`, of which `now` is the last.
    pub(super) fn sum(&self, now: u64, ticks: usize) -> u64 {
        let now = now.max(self.newest);
        let since = (now + 1).saturating_sub(ticks.min(N) as u64);
        let from = since.max((self.newest + 1).saturating_sub(N as u64));
        (from..=self.newest)
            .filter_map(|tick| self.counts.get(slot::<N>(tick)))
            .map(|count| u64::from(*count))
            .sum()
    }
}

fn slot<const N: usize>(tick: u64) -> usize {
    usize::try_from(tick % N as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_seen_for_as_many_ticks_as_are_asked_for() {
        let mut ring = Ring::<5>::default();
        ring.add(7, 2);
        ring.add(8, 1);
        assert_eq!((ring.sum(8, 1), ring.sum(8, 2), ring.sum(8, 5)), (1, 3, 3));
        assert_eq!(
            (ring.sum(11, 5), ring.sum(12, 5), ring.sum(13, 5)),
            (3, 1, 0)
        );
        assert_eq!(ring.sum(12, 4), 0);
    }

    #[test]
    fn a_slot_is_empty_when_its_turn_comes_again() {
        let mut ring = Ring::<5>::default();
        for tick in 0..1_000 {
            ring.add(tick, 1);
            assert_eq!(ring.sum(tick, 5), (tick + 1).min(5));
        }
        ring.add(1_003, 10);
        assert_eq!(ring.sum(1_003, 5), 11);
        ring.add(9_999, 1);
        assert_eq!(ring.sum(9_999, 5), 1);
    }

    #[test]
    fn counts_do_not_wrap() {
        let mut ring = Ring::<2>::default();
        ring.add(0, u32::MAX);
        ring.add(0, 1);
        ring.add(1, u32::MAX);
        assert_eq!(ring.sum(1, 2), 2 * u64::from(u32::MAX));
        assert_eq!(ring.sum(u64::MAX - 1, 2), 0);
    }
}
