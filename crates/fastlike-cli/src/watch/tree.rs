//! A folder of sources: everything in it but what builds make and tools keep.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::{DirEntry, WalkBuilder};

use super::look::{Identity, Look, Stamp};

/// Folders of any depth that hold no sources.
const ANYWHERE: &[&str] = &["node_modules", "target", "__pycache__"];

/// Hidden folders are tools' own, but for these.
const HIDDEN: &[&str] = &[".cargo"];

/// Files that are watched at most: who watches more has named the wrong folder.
const FILES: usize = 50_000;

/// A folder that is watched with all that is in it, but for what
/// `.fastlyignore` and `.gitignore` name.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    root: PathBuf,
    /// Names in the root that hold no sources.
    outputs: Vec<&'static str>,
    /// The root, without links in its path.
    real_root: PathBuf,
    /// Files and folders that this process writes to, without links in their
    /// paths.
    written: Arc<[PathBuf]>,
}

impl Tree {
    /// The folder `root`; `outputs` are names in it that are left out.
    pub(crate) fn new(root: &Path, outputs: &[&'static str]) -> Self {
        Self {
            root: super::absolute(root),
            real_root: real(root),
            outputs: outputs.to_vec(),
            written: printed_to().collect(),
        }
    }

    /// Leaves out what this process writes besides its output: logs, profiles,
    /// stores. Who watched it would build again for each request. What it wrote
    /// earlier stays out: a service that was replaced may still have lines, and
    /// what is written is no source afterwards.
    pub(crate) fn leave_out(&mut self, written: &[PathBuf]) {
        let known = self.written.iter().cloned();
        let written = written.iter().map(|path| real(path));
        let all: BTreeSet<PathBuf> = known.chain(written).collect();
        self.written = all.into_iter().collect();
    }

    /// Whether a path in it is left out by that.
    pub(super) fn is_written(&self, path: &Path) -> bool {
        let inside = path.strip_prefix(&self.root).unwrap_or(path);
        let path = self.real_root.join(inside);
        let mut ancestors = path.ancestors();
        ancestors.any(|path| self.written.iter().any(|written| written == path))
    }

    pub(super) fn look(&self) -> Look {
        let mut look = Look::default();
        let tree = self.clone();
        let walk = WalkBuilder::new(&self.root)
            .hidden(false)
            .git_global(false)
            .require_git(false)
            .add_custom_ignore_filename(".fastlyignore")
            .filter_entry(move |entry| {
                is_source(entry, &tree.outputs) && !tree.is_written(entry.path())
            })
            .build();
        for entry in walk.flatten() {
            let path = entry.path();
            // Through links: who edits their target edits them.
            let Ok(metadata) = fs::metadata(path) else {
                continue;
            };
            if metadata.is_file() {
                look.files
                    .insert(path.to_owned(), Some(Stamp::of(&metadata)));
            } else if entry.file_type().is_some_and(|kind| kind.is_dir()) {
                look.folders
                    .insert(path.to_owned(), Identity::of(&metadata));
            }
            if look.files.len() >= FILES {
                break;
            }
        }
        look
    }
}

/// The path without links, also of what is not there yet in its folder.
fn real(path: &Path) -> PathBuf {
    let path = super::absolute(path);
    let parent = || {
        let parent = fs::canonicalize(path.parent()?).ok()?;
        Some(parent.join(path.file_name()?))
    };
    fs::canonicalize(&path).ok().or_else(parent).unwrap_or(path)
}

/// The files that the standard output and the standard error go to.
fn printed_to() -> impl Iterator<Item = PathBuf> {
    let links = ["/proc/self/fd/1", "/proc/self/fd/2"];
    links
        .into_iter()
        .filter_map(|link| fs::read_link(link).ok())
}

fn is_source(entry: &DirEntry, outputs: &[&str]) -> bool {
    let name = entry.file_name().to_string_lossy();
    if entry.depth() == 0 {
        return true;
    }
    if entry.file_type().is_some_and(|kind| kind.is_dir()) {
        let hidden = name.starts_with('.') && !HIDDEN.contains(&name.as_ref());
        let output = entry.depth() == 1 && outputs.contains(&name.as_ref());
        return !hidden && !output && !ANYWHERE.contains(&name.as_ref());
    }
    !is_of_an_editor(&name)
}

/// What editors keep beside a file while it is open.
fn is_of_an_editor(name: &str) -> bool {
    let swap = name.starts_with('.')
        && [".swp", ".swo", ".swx"]
            .iter()
            .any(|end| name.ends_with(end));
    swap || name.ends_with('~')
        || name.starts_with(".#")
        || (name.starts_with('#') && name.ends_with('#'))
        // Vim tries with it whether it may write.
        || name == "4913"
}
