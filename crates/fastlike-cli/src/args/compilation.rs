//! Compiled programs.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Compilation")]
pub(crate) struct CompilationArgs {
    /// Keep compiled programs here [default: `fastlike` in the user's cache folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) compile_cache: Option<PathBuf>,

    /// Compile at each start
    #[arg(long, conflicts_with = "compile_cache")]
    pub(crate) no_compile_cache: bool,
}
