//! The provider over databases in MaxMind's format.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastlike_runtime::{GeoProvider, GeoRecord};

use crate::database::{Database, DatabaseInfo};
use crate::error::GeoDatabaseError;
use crate::facts::Facts;

/// How often a file is looked at, at most.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Answers from one or several databases, whose rows are merged: for each
/// field the first database that knows it wins, and a place is never put
/// together from two countries.
///
/// The databases are held in memory. A file that changes is loaded again: a
/// lookup looks at the files once a second at most, and answers from the old
/// database until the new one is ready. A new file that cannot be used is
/// reported once in the log and the old one stays in use. Replace a file by
/// renaming the new one over it; one that is written in place is picked up
/// when it is complete.
#[derive(Debug)]
pub struct MmdbGeo {
    databases: Vec<Arc<Database>>,
    check_every: Duration,
    opened: Instant,
    /// When the files are due for a look, in milliseconds since `opened`. A
    /// lookup in between costs a clock reading and this load.
    next_check: AtomicU64,
}

impl MmdbGeo {
    /// Reads the databases. Their order decides which one wins where several
    /// know a field; with none, nothing is answered.
    ///
    /// # Errors
    /// The first file that is missing, unreadable or not such a database.
    pub fn open<P: Into<PathBuf>>(
        paths: impl IntoIterator<Item = P>,
    ) -> Result<Self, GeoDatabaseError> {
        let databases = paths
            .into_iter()
            .map(|path| Database::open(path.into()))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            databases,
            check_every: CHECK_EVERY,
            opened: now(),
            next_check: AtomicU64::new(millis(CHECK_EVERY)),
        })
    }

    /// Looks at the files this often at most, instead of once a second. With
    /// [`Duration::ZERO`] every lookup looks.
    #[must_use]
    pub fn check_every(self, interval: Duration) -> Self {
        Self {
            check_every: interval,
            next_check: AtomicU64::new(millis(interval)),
            ..self
        }
    }

    /// What the databases in use say about themselves, in order.
    pub fn databases(&self) -> Vec<DatabaseInfo> {
        self.databases.iter().map(|it| it.info()).collect()
    }

    /// Whether this caller is the one to look at the files now.
    fn check_is_due(&self) -> bool {
        let now = millis(now().duration_since(self.opened));
        let due = self.next_check.load(Ordering::Relaxed);
        let next = now.saturating_add(millis(self.check_every));
        now >= due
            && self
                .next_check
                .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl GeoProvider for MmdbGeo {
    fn lookup(&self, ip: IpAddr) -> Option<GeoRecord> {
        if self.check_is_due() {
            self.databases.iter().for_each(Database::refresh);
        }
        let ip = ip.to_canonical();
        let mut facts = Facts::default();
        for database in &self.databases {
            database.add_facts(ip, &mut facts);
        }
        facts.into_record()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "files change in real time, and a provider has no need of tokio"
)]
fn now() -> Instant {
    Instant::now()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
