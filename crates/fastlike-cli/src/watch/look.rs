//! What files look like from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::tree::Tree;

/// Files and folders at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// None for a file that is not there.
    pub(super) files: BTreeMap<PathBuf, Option<Stamp>>,
    /// The folders in which a change would be seen.
    pub(super) folders: BTreeMap<PathBuf, Identity>,
}

/// What differs when a file was written or replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    identity: Identity,
}

/// Which file or folder it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            identity: Identity::of(metadata),
        }
    }

    /// True if it was written after `moment`.
    pub(super) fn is_after(&self, moment: SystemTime) -> bool {
        self.modified.is_some_and(|modified| modified > moment)
    }
}

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

impl Look {
    /// Looks at `files`, through links, and at what is in `tree`.
    pub(super) fn at(files: &BTreeSet<PathBuf>, tree: Option<&Tree>) -> Self {
        let mut look = tree.map(Tree::look).unwrap_or_default();
        for path in files {
            let metadata = fs::metadata(path).ok();
            if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
                && let Ok(target) = fs::canonicalize(path)
            {
                look.add_folder_of(&target);
            }
            look.add_folder_of(path);
            look.files
                .insert(path.clone(), metadata.as_ref().map(Stamp::of));
        }
        look
    }

    /// The folder of a file; if that is gone, the nearest one in which it
    /// would come back.
    fn add_folder_of(&mut self, path: &Path) {
        for folder in path.ancestors().skip(1) {
            if self.folders.contains_key(folder) {
                return;
            }
            if let Ok(metadata) = fs::metadata(folder) {
                self.folders
                    .insert(folder.to_owned(), Identity::of(&metadata));
                return;
            }
        }
    }

    /// Files that are not the same in `later`.
    pub(super) fn differences(&self, later: &Self) -> Vec<PathBuf> {
        let was = |path: &PathBuf| self.files.get(path).cloned().flatten();
        let changed = later.files.iter().filter(|(path, is)| was(path) != **is);
        let gone = self
            .files
            .iter()
            .filter(|(path, was)| was.is_some() && !later.files.contains_key(*path));
        let mut paths: Vec<PathBuf> = changed.chain(gone).map(|(path, _)| path.clone()).collect();
        paths.sort();
        paths
    }
}
