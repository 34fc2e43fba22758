//! Guests: each has a test on the host's side.

use super::Finding;
use super::tree::Tree;

/// A guest that no test serves checks nothing.
pub(super) fn every_guest_is_tested(tree: &Tree) -> Vec<Finding> {
    let guests = tree.files.iter().filter_map(|file| {
        let folders = [
            ("testdata/guests/src/bin/", ".rs"),
            ("testdata/guests/legacy/src/bin/", ".rs"),
            ("testdata/js/src/", ".js"),
        ];
        let name = folders.iter().find_map(|(folder, extension)| {
            file.path
                .strip_prefix(folder)
                .and_then(|name| name.strip_suffix(extension))
        });
        name.map(|name| (name, &file.path))
    });
    let untested = guests.filter(|(name, _)| {
        let quoted = format!("\"{name}\"");
        let mut tests = tree
            .rust_in("crates/")
            .filter(|file| file.path.contains("/tests/"));
        !tests.any(|file| file.text.contains(&quoted))
    });
    untested
        .map(|(name, path)| Finding {
            path: path.clone(),
            line: 0,
            what: format!("no test of a crate names the guest \"{name}\""),
            why: "every guest has a test on the host's side: a program that nothing serves checks nothing",
            mend: "write a test in crates/fastlike-runtime/tests/it that serves it",
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_without_a_test_is_found() {
        let tree = Tree::of(&[
            ("testdata/guests/src/bin/hello.rs", ""),
            ("testdata/guests/src/bin/http_req_send.rs", ""),
            ("testdata/js/src/js_proxy.js", ""),
            (
                "crates/a/tests/it/main.rs",
                "guest(\"http_req_send\"); guest(\"js_proxy\")",
            ),
        ]);
        let findings = every_guest_is_tested(&tree);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].path, "testdata/guests/src/bin/hello.rs");
    }
}
