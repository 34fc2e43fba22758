//! `cargo xtask ci`: exactly what CI runs, the tests last.

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::shell::{self, cargo, has, in_ci, root};
use crate::{codegen, test, tidy};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: &[Step] = &[
    ("formatting", formatting),
    ("lints", lints),
    ("tidy", tidy::run),
    ("generated documents", codegen::check),
    ("documentation", documentation),
    ("dependencies", dependencies),
];

fn all_but_tests() -> Result<Vec<(&'static str, Duration)>> {
    let mut times = Vec::new();
    for (name, step) in STEPS {
        eprintln!("\n== {name}");
        let start = Instant::now();
        step()?;
        times.push((*name, start.elapsed()));
    }
    Ok(times)
}

/// Every step in order; the tests' summary closes the output.
pub(crate) fn run() -> Result<ExitCode> {
    let times = all_but_tests()?;
    eprintln!();
    for (name, time) in times {
        eprintln!("{:>6.1} s  {name}", time.as_secs_f64());
    }
    eprintln!("\n== tests");
    test::run(&[])
}

fn formatting() -> Result<()> {
    shell::run(cargo().args(["fmt", "--all", "--check"]))?;
    for guests in ["testdata/guests", "testdata/guests/legacy"] {
        shell::run(
            cargo()
                .args(["fmt", "--check", "--manifest-path"])
                .arg(root().join(guests).join("Cargo.toml")),
        )?;
    }
    Ok(())
}

fn lints() -> Result<()> {
    shell::run(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

fn documentation() -> Result<()> {
    shell::run(
        cargo()
            .args(["doc", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

/// Licences, banned crates and where crates come from. Not the advisories, which need a database
/// from the network.
fn dependencies() -> Result<()> {
    if !has("cargo-deny") {
        if in_ci() {
            bail!("cargo-deny is missing; `.ci/run` installs it");
        }
        eprintln!("skipped: cargo-deny is not installed (cargo install cargo-deny --locked)");
        return Ok(());
    }
    shell::run(Command::new("cargo-deny").current_dir(root()).args([
        "--log-level",
        "error",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))
}
