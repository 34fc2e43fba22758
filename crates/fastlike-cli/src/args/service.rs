//! What a service is made of, wherever it runs.

use std::path::PathBuf;

use clap::Args;

use super::value::{self, NamedUrl};
use super::{CompilationArgs, HandOffArgs, ProgramArgs, StateArgs, ViceroyArgs};

/// The same for all commands that run a program: what it finds at its runtime.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServiceArgs {
    /// Read backends, stores and geolocation from this manifest, or from the
    /// one in this folder
    #[arg(short = 'C', long, value_name = "FASTLY.TOML")]
    pub(crate) config: Option<PathBuf>,

    /// Read fastly.NAME.toml instead: beside the manifest of --config, else in
    /// the working directory
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Option<String>,

    /// Send requests to the backend NAME to this URL; may be repeated
    #[arg(long = "backend", value_name = "NAME=URL", value_parser = value::named_url)]
    pub(crate) backends: Vec<NamedUrl>,

    /// Send requests to every other backend to this URL
    #[arg(long, value_name = "URL")]
    pub(crate) proxy_to: Option<String>,

    /// Answer geolocation from this MaxMind database; may be repeated
    #[arg(long, value_name = "DB.MMDB")]
    pub(crate) geo: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) state: StateArgs,

    #[command(flatten)]
    pub(crate) hand_off: HandOffArgs,

    #[command(flatten)]
    pub(crate) program: ProgramArgs,

    #[command(flatten)]
    pub(crate) compilation: CompilationArgs,

    #[command(flatten)]
    pub(crate) viceroy: ViceroyArgs,
}
