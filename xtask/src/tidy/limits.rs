//! Limits: each is tested.

use super::Finding;
use super::tree::{Tree, has_word, numbered};

/// A limit that no test names is a guess.
pub(super) fn every_limit_is_tested(tree: &Tree) -> Vec<Finding> {
    let limits = tree
        .rust_in("crates/")
        .filter(|file| file.path.ends_with("/src/limits.rs"));
    let mut findings = Vec::new();
    for file in limits {
        for (line, code) in numbered(&file.text) {
            let Some(name) = constant(code) else { continue };
            if !tree
                .rust_in("crates/")
                .any(|file| has_word(file.tests(), name))
            {
                findings.push(Finding {
                    path: file.path.clone(),
                    line,
                    what: format!("no test names the limit `{name}`"),
                    why: "everything a guest or a client can grow has a limit, tested at the limit and one past it",
                    mend: "write a test that reaches the limit and one that goes past it, naming the constant",
                });
            }
        }
    }
    findings
}

fn constant(code: &str) -> Option<&str> {
    let declared = code
        .strip_prefix("pub const ")
        .or_else(|| code.strip_prefix("pub(crate) const "))?;
    declared.split(':').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_without_a_test_is_found() {
        let tree = Tree::of(&[
            (
                "crates/a/src/limits.rs",
                "pub(crate) const KEY: usize = 1;\npub(crate) const NAME: usize = 2;\n",
            ),
            (
                "crates/a/src/store.rs",
                "use crate::limits::{KEY, NAME};\n\n#[cfg(test)]\nmod tests {\n    fn at() { KEY; }\n}\n",
            ),
        ]);
        let findings = every_limit_is_tested(&tree);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].line, 2);
    }
}
