//! The build system of fastlike: `cargo xtask help`.
//!
//! It depends on no crate of the product, so that it is built in seconds and can tell
//! what is wrong with a tree that does not compile.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a terminal program"
)]

mod bench;
mod ci;
mod codegen;
mod guests;
mod projects;
mod shell;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
The build system of fastlike.

Usage: cargo xtask <task>

  test [ARGS]           build the guests, then run every test; ARGS go to the test
                        runner, as in `cargo xtask test http_req`
  guests                build the guest programs into target/guests/bin
  demo-guest            build the guest of the demo, which is part of the command line's
                        sources; `codegen --check` says when to do it
  tidy                  check the rules of the repository that no compiler knows
  codegen [--check]     write the generated documents; with --check, say whether
                        what is generated is current
  ci                    what CI runs, in its order: formatting, lints, tidy, codegen,
                        documentation, dependencies, tests
  bench [OPTIONS]       measure fastlike, beside Viceroy if it is on PATH;
                        `cargo xtask bench --help` lists the options
  help                  this text

With CI=true in the environment nothing is skipped: a missing tool is an error.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<ExitCode> {
    let (task, rest) = match args.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("help", args),
    };
    if let ("guests" | "demo-guest" | "tidy" | "ci", Some(extra)) = (task, rest.first()) {
        bail!("`{task}` takes no arguments, not `{extra}`");
    }
    match task {
        "help" | "-h" | "--help" => print!("{HELP}"),
        "guests" => guests::build()?.report(),
        "demo-guest" => guests::write_demo()?,
        "tidy" => tidy::run()?,
        "codegen" => match rest {
            [] => codegen::write()?,
            [flag] if flag == "--check" => {
                codegen::check()?;
                guests::check_demo()?;
            }
            _ => bail!("`codegen` takes only --check"),
        },
        // These two end with the summary of the test runner: nothing is printed after it.
        "test" => return test::run(rest),
        "ci" => return ci::run(),
        "bench" => bench::run(rest)?,
        unknown => bail!("there is no task `{unknown}`; `cargo xtask help` lists them"),
    }
    Ok(ExitCode::SUCCESS)
}
