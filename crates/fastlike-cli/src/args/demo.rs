//! `fastlike demo`.

use clap::Args;

use super::{CompilationArgs, ListenArgs, OutputArgs};

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) listen: ListenArgs,

    #[command(flatten)]
    pub(crate) compilation: CompilationArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
