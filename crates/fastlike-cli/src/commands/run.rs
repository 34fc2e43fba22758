//! `fastlike run test.wasm -- args`.

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;

use fastlike_runtime::{Invocation, Invoked, Outcome};

use super::listen;
use crate::args::{OutputArgs, RunArgs};
use crate::failure::Failure;
use crate::logging;
use crate::plan::{Environment, RunPlan};
use crate::printer::{Printer, Stream};
use crate::report::Report;

/// As shells say of a process that aborted.
const TRAPPED: u8 = 134;
/// As `timeout` says of a process whose time was up.
const TIMED_OUT: u8 = 124;

pub(super) fn run(args: RunArgs, environment: &Environment) -> Result<ExitCode, Failure> {
    let output = args.output.clone();
    let plan = RunPlan::new(args, environment)?;
    // The standard output is the program's own.
    let report = Report::new(Printer::at_once(), Stream::Stderr, &output);
    // Where the profile is that was asked for is worth a line.
    let level = "warn,fastlike_runtime::profile=info";
    logging::start(&report, &output, level, environment.get("FASTLIKE_LOG"))?;
    let report = &report;
    super::block_on(report, async move {
        for warning in &plan.service.manifest_warnings {
            report.manifest_warning(warning);
        }
        for warning in &plan.service.remarks {
            report.warning(warning);
        }
        let invocation = with_output(Invocation::new(plan.args.clone()), report, &output);
        let builder = listen::with_output(plan.builder(), report, &output);
        let fastlike = listen::build(builder).await?;
        if output.verbose > 0 {
            report.loaded(fastlike.summary());
        }
        let whole = environment.get("RUST_BACKTRACE") == Some("full");
        let ran = fastlike.run(invocation).await;
        // Log endpoints with targets of their own have queues.
        let time = fastlike.limits().drain;
        if tokio::time::timeout(time, fastlike.flush_logs())
            .await
            .is_err()
        {
            report.warning("some lines of log endpoints were not delivered in time");
        }
        Ok(code(&ran, report, whole))
    })
}

/// Passes the program's output through, unless its lines are to be marked.
fn with_output(invocation: Invocation, report: &Report, args: &OutputArgs) -> Invocation {
    let through = |stream| Through(report.printer().clone(), stream);
    let invocation = match args.log_stdout {
        true => invocation,
        false => invocation.stdout(through(Stream::Stdout)),
    };
    let invocation = match args.log_stderr {
        true => invocation,
        false => invocation.stderr(through(Stream::Stderr)),
    };
    invocation.on_terminal(io::stdout().is_terminal(), io::stderr().is_terminal())
}

struct Through(Printer, Stream);

impl Write for Through {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_print(self.1, bytes.to_vec())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the process exits with.
fn code(ran: &Invoked, report: &Report, whole: bool) -> ExitCode {
    if let Some(code) = ran.exit_code() {
        // The system keeps eight bits of it. What failed must not look well.
        return match (code, code.to_le_bytes()[0]) {
            (0, _) => ExitCode::SUCCESS,
            (_, 0) => ExitCode::FAILURE,
            (_, low) => ExitCode::from(low),
        };
    }
    report.failed_run(ran, whole);
    ExitCode::from(match ran.outcome {
        Outcome::Trapped(_) => TRAPPED,
        Outcome::CpuLimit | Outcome::WallLimit => TIMED_OUT,
        _ => 1,
    })
}
