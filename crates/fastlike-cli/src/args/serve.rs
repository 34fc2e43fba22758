//! `fastlike serve`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{AdminArgs, ClientArgs, LimitArgs, ListenArgs, OutputArgs, ServiceArgs, WatchArgs};

#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    /// The program: a WebAssembly module, or its text
    #[arg(value_name = "APP.WASM", required_unless_present = "wasm")]
    pub(crate) guest: Option<PathBuf>,

    /// The older spelling of the program's argument
    #[arg(long, value_name = "FILE", hide = true, conflicts_with = "guest")]
    pub(crate) wasm: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) listen: ListenArgs,

    /// Show a failed program's backtrace in the response; auto: only while
    /// listening on a loopback address
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Backtraces::Auto)]
    pub(crate) backtraces: Backtraces,

    #[command(flatten)]
    pub(crate) service: ServiceArgs,

    #[command(flatten)]
    pub(crate) clients: ClientArgs,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,

    #[command(flatten)]
    pub(crate) watch: WatchArgs,

    #[command(flatten)]
    pub(crate) admin: AdminArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backtraces {
    Auto,
    Always,
    Never,
}
