//! The commands, one file each.

mod adapt;
mod admin;
mod completions;
mod demo;
mod dev;
mod listen;
mod reload;
mod run;
mod serve;

use std::future::Future;
use std::process::ExitCode;

use crate::args::{Cli, Command, OutputArgs};
use crate::failure::Failure;
use crate::logging;
use crate::plan::Environment;
use crate::printer::{Printer, Stream};
use crate::report::Report;

/// Runs what the user asked for, to its end, and says what the process exits
/// with.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli
        .command
        .unwrap_or_else(|| Command::Serve(Box::new(cli.serve)))
    {
        Command::Serve(args) => serve::run(*args, &Environment::of_process())?,
        Command::Run(args) => return run::run(*args, &Environment::of_process()),
        Command::Dev(args) => return dev::run(*args, &Environment::of_process()),
        Command::Demo(args) => demo::run(args, &Environment::of_process())?,
        Command::Adapt { file, .. } => return Err(adapt::refuse(&file)),
        Command::Completions { shell } => completions::run(shell)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts what prints and what logs. `level` is what is logged without `-v`.
fn report(args: &OutputArgs, level: &str, environment: &Environment) -> Result<Report, Failure> {
    let report = Report::new(Printer::start()?, Stream::Stdout, args);
    logging::start(&report, args, level, environment.get("FASTLIKE_LOG"))?;
    Ok(report)
}

/// Runs `future` on all cores, and shows all that was printed before it ends.
fn block_on<T>(
    report: &Report,
    future: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(future);
    // What still runs has had its time to drain.
    runtime.shutdown_background();
    report.printer().flush();
    result
}
