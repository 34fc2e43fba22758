//! The `fastlike` command.
//!
//! `args` is what the user typed, `plan` what it means, `commands` do it, and
//! `report` and `failure` say what happened. Only this crate reads the
//! environment and writes to the terminal.

#![forbid(unsafe_code)]

mod args;
mod backtrace;
mod clients;
mod commands;
mod failure;
mod logging;
mod plan;
mod printer;
mod project;
mod report;
mod units;
mod watch;

use std::process::ExitCode;

/// Requests allocate from many threads at once, which it is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Usage errors, `--help` and `--version` end here, as clap does it.
    let cli = args::parse();
    match commands::run(cli) {
        Ok(code) => code,
        Err(failure) => {
            failure.print();
            commands::exit_code(&failure)
        }
    }
}
