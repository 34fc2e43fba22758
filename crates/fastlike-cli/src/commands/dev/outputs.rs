//! What a build writes among its sources.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

/// Builds that may follow each other without a change by anybody else.
const FOLLOWING: u32 = 3;

/// Tells what a build wrote from what was edited while it ran.
///
/// A file that changes during a build may be either, so another build follows.
/// If that writes it once more with the same content, it is the build's.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    /// Files that changed during a build, as that left them.
    seen: HashMap<PathBuf, Option<u64>>,
    /// Files that builds write.
    known: HashSet<PathBuf>,
    following: u32,
}

impl Outputs {
    /// What builds of a project are known to write: Cargo's lock file.
    pub(super) fn of(root: &Path) -> Self {
        Self {
            known: HashSet::from([root.join("Cargo.lock")]),
            ..Self::default()
        }
    }

    /// False for a change that a build is known to make, or that was there when
    /// the build which runs began.
    pub(super) fn is_new(&self, path: &Path) -> bool {
        !self.known.contains(path) && self.seen.get(path) != Some(&content(path))
    }

    /// What was changed during a build that was ended for it.
    pub(super) fn saw(&mut self, changed: &[PathBuf]) {
        for path in changed {
            self.seen.insert(path.clone(), content(path));
        }
    }

    /// What was changed while nothing was built: not by builds.
    pub(super) fn edited(&mut self, changed: &[PathBuf]) {
        for path in changed {
            self.seen.remove(path);
            self.known.remove(path);
        }
    }

    /// What of `changed` asks for another build, and maybe a remark.
    pub(super) fn after_build(
        &mut self,
        mut changed: Vec<PathBuf>,
    ) -> (Vec<PathBuf>, Option<String>) {
        // What was saved twice is no second build's work.
        changed.sort();
        changed.dedup();
        let mut next = Vec::new();
        for path in changed {
            if self.known.contains(&path) {
                continue;
            }
            let content = content(&path);
            if self.seen.insert(path.clone(), content) == Some(content) {
                self.known.insert(path);
            } else {
                next.push(path);
            }
        }
        if next.is_empty() {
            self.following = 0;
            return (next, None);
        }
        self.following += 1;
        if self.following <= FOLLOWING {
            return (next, None);
        }
        self.following = 0;
        let names: Vec<_> = next.iter().map(|path| path.display().to_string()).collect();
        let remark = format!(
            "each build changes {}, so that none would be the last: name it in .fastlyignore",
            names.join(", ")
        );
        self.known.extend(next);
        (Vec::new(), Some(remark))
    }
}

/// Tells one content from another; none for what cannot be read.
pub(super) fn content(path: &Path) -> Option<u64> {
    let bytes = std::fs::read(path).ok()?;
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        }
    }

    fn folder() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    #[test]
    fn what_a_build_writes_again_asks_for_one_more_build_once() {
        let (folder, mut outputs) = (folder(), Outputs::default());
        let made = folder.write("made.js", "1");
        assert_eq!(outputs.after_build(vec![made.clone()]).0.len(), 1);
        assert!(outputs.after_build(vec![made.clone()]).0.is_empty());
        // From now on it may differ.
        folder.write("made.js", "2");
        assert!(outputs.after_build(vec![made]).0.is_empty());
    }

    #[test]
    fn what_is_edited_between_builds_is_nobodys_output() {
        let (folder, mut outputs) = (folder(), Outputs::default());
        let source = folder.write("main.rs", "1");
        assert!(outputs.is_new(&source));
        outputs.saw(std::slice::from_ref(&source));
        assert!(!outputs.is_new(&source), "the build began with it");
        folder.write("main.rs", "2");
        assert!(outputs.is_new(&source));
        outputs.edited(std::slice::from_ref(&source));
        // Back to what it was, while something is built.
        folder.write("main.rs", "1");
        assert!(outputs.is_new(&source));
        assert_eq!(outputs.after_build(vec![source.clone()]).0, [source]);
    }

    #[test]
    fn what_is_saved_twice_during_a_build_is_still_a_source() {
        let (folder, mut outputs) = (folder(), Outputs::default());
        let edited = folder.write("main.rs", "1");
        let (next, _) = outputs.after_build(vec![edited.clone(), edited.clone()]);
        assert_eq!(next, std::slice::from_ref(&edited));
        folder.write("main.rs", "2");
        assert!(outputs.is_new(&edited));
        assert_eq!(outputs.after_build(vec![edited.clone()]).0, [edited]);
    }

    #[test]
    fn what_is_edited_during_a_build_is_built() {
        let (folder, mut outputs) = (folder(), Outputs::default());
        for text in ["1", "2", "3"] {
            let edited = folder.write("main.rs", text);
            assert_eq!(outputs.after_build(vec![edited.clone()]).0, [edited]);
        }
        assert!(outputs.after_build(Vec::new()).0.is_empty());
        let edited = folder.write("main.rs", "4");
        assert_eq!(outputs.after_build(vec![edited.clone()]).0, [edited]);
    }

    #[test]
    fn builds_that_never_do_the_same_end() {
        let (folder, mut outputs) = (folder(), Outputs::default());
        for round in 0..FOLLOWING {
            let stamp = folder.write("stamp", &round.to_string());
            assert!(!outputs.after_build(vec![stamp]).0.is_empty(), "{round}");
        }
        let stamp = folder.write("stamp", "last");
        let (next, remark) = outputs.after_build(vec![stamp.clone()]);
        assert!(next.is_empty());
        assert!(remark.is_some_and(|remark| remark.contains(".fastlyignore")));
        folder.write("stamp", "later");
        assert!(outputs.after_build(vec![stamp]).0.is_empty());
    }
}
