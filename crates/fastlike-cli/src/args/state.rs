//! What lasts.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "State")]
pub(crate) struct StateArgs {
    /// Keep KV stores in this directory, over restarts; without it they are in
    /// memory
    #[arg(long = "state", value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}
