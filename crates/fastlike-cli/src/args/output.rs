//! What is printed, and how.

use clap::{Args, ValueEnum};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Say more; -vv and -vvv say still more
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Do not print a line per request
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// How to print: for people, or one JSON object a line
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Human)]
    pub(crate) log_format: LogFormat,

    /// Put `stdout :: ` before each line that the program prints
    #[arg(long)]
    pub(crate) log_stdout: bool,

    /// Put `stderr :: ` before each line that the program prints as an error
    #[arg(long)]
    pub(crate) log_stderr: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Human,
    Json,
}
