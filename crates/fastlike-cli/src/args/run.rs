//! `fastlike run`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{OutputArgs, ServiceArgs};
use crate::units;

/// Below the flags of `run --help`.
pub(super) const AFTER_HELP: &str = "\
The program finds a request that nobody sent, GET http://example.com/, and what FASTLY.TOML
configures. Its output is passed through as it is. It also finds the variables RUST_* and
NEXTEST* of the environment.

Exit codes: the program's own; 134 if it trapped, 124 if a limit on its time ended it, 1 if it
could not be run.

As the runner of Cargo's tests, with nextest, too:
  CARGO_TARGET_WASM32_WASIP1_RUNNER='fastlike run -C fastly.toml --' \\
      cargo test --target wasm32-wasip1";

/// What `--profile` does here, where there is one profile only.
const PROFILE: &str = "\
`guest[,FILE[,PERIOD]]` writes a profile of the run into FILE (guest-profile.json in the working \
directory), for profiler.firefox.com; perfmap, jitdump and vtune tell profilers of the system the \
functions' names";

#[derive(Debug, Args)]
#[command(mut_arg("profile", |arg| arg.help(PROFILE)))]
pub(crate) struct RunArgs {
    /// The program, a WebAssembly module or its text, and its arguments
    #[arg(
        value_names = ["TEST.WASM", "ARGS"],
        required = true,
        num_args = 1..,
        trailing_var_arg = true
    )]
    command: Vec<String>,

    #[command(flatten)]
    pub(crate) service: ServiceArgs,

    #[command(flatten)]
    pub(crate) limits: RunLimitArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl RunArgs {
    /// The program, and what it is given. A `--` between them is nobody's.
    pub(crate) fn program(&self) -> (PathBuf, Vec<String>) {
        let mut words = self.command.iter();
        let program = words.next().cloned().unwrap_or_default();
        let mut args: Vec<String> = words.cloned().collect();
        if args.first().is_some_and(|first| first == "--") {
            args.remove(0);
        }
        (PathBuf::from(program), args)
    }
}

/// Tests may take their time, unless they are told not to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct RunLimitArgs {
    /// CPU time of the program [default: none]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) cpu_limit: Option<Duration>,

    /// Time of the program, waiting included [default: none]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) wall_limit: Option<Duration>,

    /// Memory of the program [default: 128MiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub(crate) heap_limit: Option<u64>,
}
