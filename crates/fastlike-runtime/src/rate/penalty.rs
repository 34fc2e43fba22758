//! Penalty boxes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::bounded::{Bounded, Leaves};
use super::whole;

/// How long an entry stays: 1 to 60 whole minutes (ABI facts, section 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PenaltyTime(Duration);

impl PenaltyTime {
    const MINUTE: Duration = Duration::from_secs(60);

    /// The whole minutes of a time, if they are 1 to 60.
    pub fn new(time: Duration) -> Option<Self> {
        let minutes = u32::try_from(whole(time, Self::MINUTE)).ok()?;
        (1..=60)
            .contains(&minutes)
            .then_some(Self(Self::MINUTE * minutes))
    }

    /// The time itself.
    pub fn get(self) -> Duration {
        self.0
    }
}

/// Entries that are blocked, for a while. Clones share them.
///
/// Of the entries of all boxes together, 32,768 are remembered; when there are
/// more, those whose penalty ends first are let go.
#[derive(Debug, Clone)]
pub struct PenaltyBoxes {
    entries: Arc<Bounded<Until>>,
    born: Instant,
}

/// When a penalty ends, in nanoseconds from the boxes' birth.
#[derive(Debug, Default, Clone, Copy)]
struct Until(u64);

impl Leaves for Until {
    fn rank(&self) -> u64 {
        self.0
    }
}

impl Default for PenaltyBoxes {
    fn default() -> Self {
        Self {
            entries: Arc::default(),
            born: Instant::now(),
        }
    }
}

impl PenaltyBoxes {
    /// Blocks an entry for a time from now, or for what it has left of an
    /// earlier penalty if that is longer.
    pub fn add(&self, penalty_box: &str, entry: &str, time: PenaltyTime) {
        let end = self.after(time.0);
        self.entries
            .change(penalty_box, entry, Until::default, |until| {
                until.0 = until.0.max(end);
            });
    }

    /// Whether an entry is blocked now.
    pub fn has(&self, penalty_box: &str, entry: &str) -> bool {
        let now = self.after(Duration::ZERO);
        let blocked = |until: &Until| now < until.0;
        self.entries
            .look(penalty_box, entry, blocked)
            .unwrap_or(false)
    }

    /// How many entries are remembered; some may have served their time.
    pub fn entries(&self) -> usize {
        self.entries.len()
    }

    fn after(&self, time: Duration) -> u64 {
        let at = self.born.elapsed().saturating_add(time);
        u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)
    }
}
