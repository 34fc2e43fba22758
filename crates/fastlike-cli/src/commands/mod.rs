//! The commands, one file each.

mod completions;
mod demo;
mod listen;
mod serve;

use std::future::Future;

use crate::args::{Cli, Command, OutputArgs};
use crate::failure::Failure;
use crate::logging;
use crate::plan::Environment;
use crate::printer::Printer;
use crate::report::Report;

/// Runs what the user asked for, to its end.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    match cli
        .command
        .unwrap_or_else(|| Command::Serve(Box::new(cli.serve)))
    {
        Command::Serve(args) => serve::run(*args, &Environment::of_process()),
        Command::Demo(args) => demo::run(args, &Environment::of_process()),
        Command::Completions { shell } => completions::run(shell),
    }
}

/// Starts what prints and what logs. `level` is what is logged without `-v`.
fn report(args: &OutputArgs, level: &str, environment: &Environment) -> Result<Report, Failure> {
    let report = Report::new(Printer::start()?, args);
    logging::start(&report, args, level, environment.get("FASTLIKE_LOG"))?;
    Ok(report)
}

/// Runs `future` on all cores, and shows all that was printed before it ends.
fn block_on(
    report: &Report,
    future: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(future);
    // What still runs has had its time to drain.
    runtime.shutdown_background();
    report.printer().flush();
    result
}
