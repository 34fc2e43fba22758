//! The sizes of files.

use super::Finding;
use super::tree::{File, Tree};

/// Longer files need a reason in [`LONG`].
const LINES: usize = 600;

/// Files that may be longer, how long, and why. This list may shrink; whoever lets it grow gives
/// a reason that a reviewer believes.
const LONG: &[(&str, usize, &str)] = &[
    (
        "witx/typenames.witx",
        900,
        "one list of types, which wiggle reads as one file",
    ),
    (
        "crates/fastlike-runtime/src/hostcalls/http_req/witx.rs",
        850,
        "the 61 methods of one trait, which cannot be split",
    ),
];

/// A file that does not fit a head does two things.
pub(super) fn long_files(tree: &Tree) -> Vec<Finding> {
    let long = tree.files.iter().filter(|file| {
        let allowed = LONG.iter().find(|(path, ..)| *path == file.path);
        is_source(file) && lines(file) > allowed.map_or(LINES, |(_, lines, _)| *lines)
    });
    long.map(|file| Finding {
        path: file.path.clone(),
        line: 0,
        what: format!("{} lines", lines(file)),
        why: "files stay small enough to be read in one go; above 600 lines one needs a reason",
        mend: "split it by what its parts do, or add it with its reason to the list in xtask/src/tidy/size.rs",
    })
    .collect()
}

/// One line about the largest files, for whoever watches them grow.
pub(super) fn largest(tree: &Tree) -> String {
    let mut files: Vec<_> = tree.files.iter().filter(|file| is_source(file)).collect();
    files.sort_by_key(|file| std::cmp::Reverse(lines(file)));
    let largest: Vec<_> = files
        .iter()
        .take(5)
        .map(|file| format!("{} ({})", file.path, lines(file)))
        .collect();
    format!("the longest files: {}", largest.join(", "))
}

fn is_source(file: &File) -> bool {
    [".rs", ".witx", ".js"]
        .iter()
        .any(|extension| file.path.ends_with(extension))
}

fn lines(file: &File) -> usize {
    file.text.lines().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_needs_a_reason() {
        let text = "\n".repeat(LINES + 1);
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", &text),
            ("Cargo.lock", &text),
            ("witx/typenames.witx", &text),
        ]);
        let findings = long_files(&tree);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].what, "601 lines");
    }
}
