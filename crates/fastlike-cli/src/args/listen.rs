//! Where to listen.

use clap::Args;

#[derive(Debug, Clone, Args)]
pub(crate) struct ListenArgs {
    /// Listen on this address; port 0 takes a free one
    #[arg(
        long,
        visible_alias = "addr",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:7676"
    )]
    pub(crate) bind: String,
}
