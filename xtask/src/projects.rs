//! What the tests of the command line need beside guests: a project with tests of its own, and
//! the official command line, which is to serve it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::guests::{self, WASM};
use crate::shell::{cargo, has, in_ci, output, root, run, target};

/// The name under which the official command line is said to be skipped.
const OFFICIAL: &str = "fastly-cli";

/// Builds what has changed, and returns what could not be had on this machine, and why.
pub(crate) fn build() -> Result<Vec<(String, String)>> {
    project(&root().join("testdata/project"))?;
    match official(&root().join("testdata").join(OFFICIAL)) {
        Ok(()) => Ok(Vec::new()),
        Err(error) if in_ci() => Err(error.context("the official command line")),
        Err(error) => Ok(vec![(OFFICIAL.to_owned(), format!("{error:#}"))]),
    }
}

/// Builds the project's tests and its program as its authors do, so that the tests that have Cargo
/// do so find it done.
fn project(sources: &Path) -> Result<()> {
    let files = ["Cargo.toml", "Cargo.lock", "src"].map(|name| sources.join(name));
    let key = guests::key(&files, &output(Command::new("rustc").arg("--version"))?)?;
    let (stamp, dir) = (guests::stamp(sources)?, target().join("guests/project"));
    if dir.is_dir() && fs::read_to_string(&stamp).is_ok_and(|old| old == key) {
        return Ok(());
    }
    guests::ensure_wasm_target()?;
    for what in [&["build"][..], &["test", "--no-run"]] {
        let mut build = cargo();
        build
            .args(what)
            .args(["--locked", "--target", WASM, "--manifest-path"])
            .arg(sources.join("Cargo.toml"))
            .env("CARGO_TARGET_DIR", &dir);
        run(&mut build)?;
    }
    fs::write(stamp, key)?;
    Ok(())
}

/// Installs the official command line from npm.
fn official(sources: &Path) -> Result<()> {
    let files = ["package.json", "package-lock.json"].map(|name| sources.join(name));
    let key = guests::key(&files, "")?;
    let (stamp, work) = (
        guests::stamp(sources)?,
        target().join("guests").join(OFFICIAL),
    );
    let program = work.join("node_modules/.bin/fastly");
    if program.exists() && fs::read_to_string(&stamp).is_ok_and(|old| old == key) {
        return Ok(());
    }
    if !has("npm") {
        bail!("there is no npm on PATH");
    }
    guests::npm_install(sources, &work)?;
    fs::write(stamp, key)?;
    Ok(())
}
