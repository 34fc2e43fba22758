//! `cargo xtask tidy`: the rules of the repository that no compiler checks.
//!
//! Every finding names its place, what is wrong, why it matters and how to mend it.

mod guests;
mod layers;
mod limits;
mod size;
mod text;
mod tree;

use std::fmt;

use anyhow::{Result, bail};

use tree::Tree;

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    /// Counted from 1; 0 means the whole file.
    line: usize,
    what: String,
    why: &'static str,
    mend: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[Rule] = &[
    layers::abi_knows_no_http,
    layers::guest_memory_only_in_doors,
    layers::domain_names_no_handles,
    layers::runs_are_dropped_not_reset,
    layers::environment_only_in_the_cli,
    limits::every_limit_is_tested,
    guests::every_guest_is_tested,
    size::long_files,
    text::unsafe_is_justified,
    text::allow_gives_a_reason,
    text::todo_has_an_owner,
    text::no_traces_of_a_machine,
];

/// Checks the whole tree.
pub(crate) fn run() -> Result<()> {
    let tree = Tree::load()?;
    eprintln!("{}", size::largest(&tree));
    let mut breaches = 0;
    for rule in RULES {
        let findings = rule(&tree);
        breaches += findings.len();
        for finding in &findings {
            eprintln!("{finding}");
        }
        if let Some(last) = findings.last() {
            eprintln!("    why: {}\n    mend: {}\n", last.why, last.mend);
        }
    }
    match breaches {
        0 => Ok(()),
        1 => bail!("1 breach of the rules of the repository"),
        many => bail!("{many} breaches of the rules of the repository"),
    }
}
