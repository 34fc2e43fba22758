//! Builds that end early: when what they build is not wanted any more.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Developing;
use crate::failure::Failure;
use crate::project;
use crate::watch::Watch;

/// How long a build runs at least before a change ends it. Twice as long for
/// each that was ended before it: one that changes its own sources gets to its
/// end, where it is found out that it does.
const PATIENCE: Duration = Duration::from_secs(2);

impl Developing {
    /// Builds, and gathers what changes meanwhile. A build that takes long and
    /// is out of date, or hangs, is ended and begun anew.
    pub(super) async fn build(&mut self, why: &[PathBuf]) -> Result<(), Failure> {
        let (mut why, mut patience) = (why, PATIENCE);
        self.during.clear();
        loop {
            let is_wanted = |path: &Path| {
                if self.project.is_made_of(path) {
                    return self.project.again(&self.environment).is_some();
                }
                !self.source.is_made_of(path) && self.outputs.is_new(path)
            };
            let outdated = tokio::select! {
                built = project::build(&self.project, &self.report, why) => {
                    self.during.extend(self.watch.changes().await);
                    return built;
                }
                changed = change(&mut self.watch, &mut self.during, patience, is_wanted) => changed,
            };
            self.report.building_again(&outdated);
            // It is said already.
            why = &[];
            patience *= 2;
            self.outputs.saw(&outdated);
            self.look_how(&outdated);
            self.is_stale = false;
            // The next build begins with what has changed up to now.
            let source = &self.source;
            self.during.retain(|path| source.is_made_of(path));
        }
    }
}

/// What has changed of that which is wanted, when there is something and
/// `patience` is over. All changes are added to `during`.
async fn change(
    watch: &mut Watch,
    during: &mut Vec<PathBuf>,
    patience: Duration,
    is_wanted: impl Fn(&Path) -> bool,
) -> Vec<PathBuf> {
    let end = Instant::now() + patience;
    let mut wanted: Vec<PathBuf> = Vec::new();
    loop {
        let changed = tokio::select! {
            changed = watch.changed() => changed,
            () = sleep_until(end), if !wanted.is_empty() => return wanted,
        };
        for path in changed {
            if is_wanted(&path) && !wanted.contains(&path) {
                wanted.push(path.clone());
            }
            during.push(path);
        }
    }
}
