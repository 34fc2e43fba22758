//! Sees that files have changed.
//!
//! What files look like ([`Look`]) is the truth; what the system reports
//! ([`alarm`]) only says when to look, and now and then somebody looks without
//! that: for file systems that report nothing, and folders that were replaced.
//! A change counts when everything has been quiet for a moment, so that a file
//! is not read half-written, and a file that an editor replaces is not gone.

mod alarm;
mod look;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use self::alarm::Alarm;
use self::look::Look;
pub(crate) use self::tree::Tree;

/// How watching is paced.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Without a change for so long, files are taken as finished.
    quiet: Duration,
    /// A file that is gone may come back for so long.
    grace: Duration,
    /// A file that never is quiet is looked at all the same after so long.
    most: Duration,
    /// The longest time between two looks.
    look: Duration,
}

const PACE: Pace = Pace {
    quiet: Duration::from_millis(100),
    grace: Duration::from_secs(1),
    most: Duration::from_secs(10),
    look: Duration::from_secs(1),
};

/// How long what failed may turn out to have been half-written.
pub(crate) const SECOND_LOOK: Duration = Duration::from_millis(400);

/// Looking takes no more than this part of the time.
const LOOKING: u32 = 20;

/// And no more than this part while it rings all the time.
const BUSY: u32 = 4;

/// After an alarm without a change, the next one waits for so long: other
/// files of the same folder may be busy.
const REST: Duration = Duration::from_millis(20);

/// Files that are watched, and maybe a folder with all that is in it.
pub(crate) struct Watch {
    scope: Arc<Scope>,
    alarm: Alarm,
    /// What everything looked like when it was last reported.
    known: Look,
    /// How long a look takes.
    effort: Duration,
    pace: Pace,
}

/// What is watched.
#[derive(Debug, Default, Clone)]
struct Scope {
    files: BTreeSet<PathBuf>,
    tree: Option<Tree>,
}

impl Watch {
    /// Watches these files, and what is in `tree`, for changes from now on.
    pub(crate) fn new(files: impl IntoIterator<Item = PathBuf>, tree: Option<Tree>) -> Self {
        let files = files.into_iter().map(absolute).collect();
        let scope = Arc::new(Scope { files, tree });
        let known = Look::at(&scope.files, scope.tree.as_ref());
        let mut alarm = Alarm::new();
        alarm.arm(&known.folders);
        Self {
            scope,
            alarm,
            known,
            effort: Duration::ZERO,
            pace: PACE,
        }
    }

    /// Watches other files, besides the tree. Those that are new were read
    /// after `since`: if they are older than that, they are known as they are
    /// now.
    pub(crate) async fn set_files(
        &mut self,
        files: impl IntoIterator<Item = PathBuf>,
        since: SystemTime,
    ) {
        let files: BTreeSet<PathBuf> = files.into_iter().map(absolute).collect();
        if files == self.scope.files {
            return;
        }
        let old = Arc::clone(&self.scope);
        self.scope = Arc::new(Scope {
            files,
            tree: old.tree.clone(),
        });
        let look = self.look().await;
        let dropped = |path: &PathBuf| old.files.contains(path) && !self.scope.files.contains(path);
        self.known
            .files
            .retain(|path, _| look.files.contains_key(path) || !dropped(path));
        for (path, stamp) in look.files {
            if self.scope.files.contains(&path) {
                let known = stamp.filter(|stamp| !stamp.is_after(since));
                self.known.files.entry(path).or_insert(known);
            }
        }
    }

    /// Leaves these files and folders of the tree out, to which this process
    /// writes.
    pub(crate) fn leave_out(&mut self, written: &[PathBuf]) {
        let Some(mut tree) = self.scope.tree.clone() else {
            return;
        };
        tree.leave_out(written);
        let files = &self.scope.files;
        let stays = |path: &PathBuf| files.contains(path) || !tree.is_written(path);
        self.known.files.retain(|path, _| stays(path));
        self.scope = Arc::new(Scope {
            files: files.clone(),
            tree: Some(tree),
        });
    }

    /// How many files are watched.
    pub(crate) fn count(&self) -> usize {
        let missing = self.known.files.values().filter(|stamp| stamp.is_none());
        self.known.files.len() - missing.count()
    }

    /// Says once why files are only looked at from time to time, if they are.
    pub(crate) fn complaint(&mut self) -> Option<String> {
        self.alarm.complaint()
    }

    /// Waits until files have changed, come or gone, and then for a quiet
    /// moment; says which they are. Dropping the future forgets nothing.
    pub(crate) async fn changed(&mut self) -> Vec<PathBuf> {
        loop {
            let changed = self.changes().await;
            if !changed.is_empty() {
                return changed;
            }
            let longest = self.pace.look.max(self.effort * LOOKING);
            tokio::select! {
                () = self.alarm.rung() => sleep(REST.max(self.effort * BUSY)).await,
                () = sleep(longest) => {}
            }
        }
    }

    /// The files that have changed up to now. If some have, waits for a quiet
    /// moment.
    pub(crate) async fn changes(&mut self) -> Vec<PathBuf> {
        let mut look = self.look().await;
        if look.files == self.known.files {
            return Vec::new();
        }
        let begun = Instant::now();
        loop {
            sleep(self.pace.quiet).await;
            let next = self.look().await;
            let quiet = next.files == look.files;
            look = next;
            let gone = |path: &PathBuf| {
                let is_there = |look: &Look| look.files.get(path).is_some_and(Option::is_some);
                is_there(&self.known) && !is_there(&look)
            };
            let missing = self.scope.files.iter().any(gone);
            let waited = begun.elapsed();
            if (quiet && (!missing || waited >= self.pace.grace)) || waited >= self.pace.most {
                break;
            }
        }
        let changed = self.known.differences(&look);
        self.known = look;
        changed
    }

    /// Looks at everything, on a thread that may wait for a disk.
    async fn look(&mut self) -> Look {
        let begun = Instant::now();
        let scope = Arc::clone(&self.scope);
        let looking = move || Look::at(&scope.files, scope.tree.as_ref());
        let look = tokio::task::spawn_blocking(looking).await;
        // It can only fail while the process ends.
        let look = look.unwrap_or_else(|_| self.known.clone());
        self.effort = begun.elapsed();
        if self.alarm.arm(&look.folders) {
            // What happened in a folder before it was watched rang no bell.
            self.alarm.ring();
        }
        look
    }
}

/// The path, whatever folder the process is in.
pub(crate) fn absolute(path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
