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
mod signals;

use std::future::Future;
use std::io;
use std::process::ExitCode;

use fastlike_runtime::StartError;

use crate::args::{Cli, Command, OutputArgs};
use crate::failure::Failure;
use crate::logging;
use crate::plan::{Environment, NoAddress};
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

/// What the process exits with: with 2 if the command line names a program or
/// an address that is none, as it does for wrong flags; else with 1.
pub(crate) fn exit_code(failure: &Failure) -> ExitCode {
    let Failure::Error { error, .. } = failure else {
        return ExitCode::FAILURE;
    };
    let is_no_file = |error: &io::Error| {
        let kind = error.kind();
        matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::IsADirectory)
    };
    match error.downcast_ref() {
        Some(StartError::Read { source, .. }) if is_no_file(source) => ExitCode::from(2),
        Some(StartError::NotWasm { .. }) => ExitCode::from(2),
        _ if error.is::<NoAddress>() => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

/// Starts what prints and what logs. `level` is what is logged without `-v`.
fn report(args: &OutputArgs, level: &str, environment: &Environment) -> Result<Report, Failure> {
    let printer =
        Printer::start().map_err(|error| cannot("start the thread that prints", error))?;
    let report = Report::new(printer, Stream::Stdout, args);
    logging::start(&report, args, level, environment.get("FASTLIKE_LOG"))?;
    Ok(report)
}

/// The failure of something that the system does for us.
fn cannot(what: &str, error: io::Error) -> Failure {
    Failure::from(anyhow::Error::new(error).context(format!("cannot {what}")))
}

/// Runs `future` on all cores, and shows all that was printed before it ends.
fn block_on<T>(
    report: &Report,
    future: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| cannot("start the threads that serve", error))?;
    let result = runtime.block_on(future);
    // What still runs has had its time to drain.
    runtime.shutdown_background();
    report.printer().flush();
    result
}
