//! `cargo xtask test`: the guests, then every test.

use std::process::ExitCode;

use anyhow::Result;

use crate::shell::{cargo, has, in_ci, run_last};
use crate::{guests, shell};

/// Builds the guests and runs the tests. With arguments, only the tests that these choose, and no
/// examples of the documentation.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let built = guests::build()?;
    built.report();
    // Tests of guests that could not be built here pass over themselves.
    let environment = [
        ("FASTLIKE_GUESTS", built.dir.clone().into_os_string()),
        ("FASTLIKE_SKIPPED_GUESTS", built.skipped_names().into()),
    ];

    if args.is_empty() {
        // First, so that the summary of the others closes the output.
        let mut doc = cargo();
        doc.args(["test", "--workspace", "--doc", "--quiet"]);
        shell::run(doc.envs(environment.clone()))?;
    }

    let mut tests = cargo();
    if has("cargo-nextest") {
        tests.args(["nextest", "run", "--workspace"]);
        if in_ci() {
            tests.arg("--no-fail-fast");
        }
    } else {
        eprintln!("cargo-nextest is not installed: using the slower `cargo test`");
        tests.args(["test", "--workspace", "--all-targets"]);
    }
    run_last(tests.args(args).envs(environment))
}
