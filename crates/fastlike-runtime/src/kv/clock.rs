//! What time it is for entries that expire.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Milliseconds since 1970, as they are stored.
pub(super) type Millis = u64;

/// Tells the time of day, and does not go back when that is set back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    began: SystemTime,
    instant: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            began: SystemTime::now(),
            instant: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> Millis {
        // The time of day goes on while a machine sleeps, the other does not.
        let counted = self.began.checked_add(self.instant.elapsed());
        let now = SystemTime::now();
        millis(counted.map_or(now, |counted| counted.max(now)))
    }
}

fn millis(time: SystemTime) -> Millis {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn time(millis: Millis) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

/// The first generation of a new database: later than any that an earlier one
/// gave out, so that a guest that kept one of those cannot meet it again. It
/// is below 2^53, which JavaScript can count to, until the year 2248.
pub(super) fn first_generation(now: Millis) -> u64 {
    now.saturating_mul(1_024)
}
