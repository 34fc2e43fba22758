//! The `fastlike` command.
//!
//! `args` is what the user typed, `plan` what it means, `commands` do it, and
//! `report` and `failure` say what happened. Only this crate reads the
//! environment and writes to the terminal.

#![forbid(unsafe_code)]

mod args;
mod clients;
mod commands;
mod failure;
mod logging;
mod plan;
mod printer;
mod report;
mod units;

use std::process::ExitCode;

use clap::Parser as _;

/// Requests allocate from many threads at once, which it is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Usage errors, `--help` and `--version` end here, as clap does it.
    let cli = args::Cli::parse();
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::FAILURE
        }
    }
}
