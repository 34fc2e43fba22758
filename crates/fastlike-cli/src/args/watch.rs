//! Reloading.

use clap::Args;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reloading")]
pub(crate) struct WatchArgs {
    /// Serve the program, its manifest and the files that this names anew
    /// whenever they change; requests that run finish as they began
    #[arg(long)]
    pub(crate) watch: bool,
}
