//! The system's word that something may have changed in a folder.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use super::look::Identity;

/// Rings when something happens in one of its folders. A bell that rings
/// while nobody waits is heard by the next who does.
pub(super) struct Alarm {
    watcher: Option<RecommendedWatcher>,
    armed: BTreeMap<PathBuf, Identity>,
    bell: Arc<Notify>,
    /// Why the system does not tell, to be said once.
    complaint: Option<String>,
}

impl Alarm {
    pub(super) fn new() -> Self {
        let bell = Arc::new(Notify::new());
        let ring = Arc::clone(&bell);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.map_or(true, |event| changes(&event.kind)) {
                ring.notify_one();
            }
        });
        let mut alarm = Self {
            watcher: None,
            armed: BTreeMap::new(),
            bell,
            complaint: None,
        };
        match watcher {
            Ok(watcher) => alarm.watcher = Some(watcher),
            Err(error) => alarm.give_up(&error),
        }
        alarm
    }

    /// Listens in these folders and no others. True if some are new.
    pub(super) fn arm(&mut self, folders: &BTreeMap<PathBuf, Identity>) -> bool {
        if self.armed == *folders {
            return false;
        }
        let Some(watcher) = &mut self.watcher else {
            return false;
        };
        // A folder that was made again has the name of the old one only.
        self.armed.retain(|folder, identity| {
            let stays = folders.get(folder) == Some(identity);
            if !stays {
                drop(watcher.unwatch(folder));
            }
            stays
        });
        let mut new = false;
        let mut failed = None;
        for (folder, identity) in folders {
            if self.armed.contains_key(folder) {
                continue;
            }
            match watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    new = true;
                    self.armed.insert(folder.clone(), *identity);
                }
                Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => {
                    failed = Some(error);
                    break;
                }
                // It is gone again, or not ours to look into.
                Err(_) => {}
            }
        }
        if let Some(error) = failed {
            self.give_up(&error);
        }
        new
    }

    /// Returns when it has rung since the last time.
    pub(super) async fn rung(&self) {
        self.bell.notified().await;
    }

    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Why nobody rings, once.
    pub(super) fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }

    /// Half an alarm would be worse than none: nobody would know which half.
    fn give_up(&mut self, error: &notify::Error) {
        self.watcher = None;
        self.armed.clear();
        self.complaint = Some(format!(
            "the system does not report changes of files ({error}): they are looked at every now and then"
        ));
    }
}

/// Reading is no change.
fn changes(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}
