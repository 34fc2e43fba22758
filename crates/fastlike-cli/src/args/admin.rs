//! The admin listener.

use clap::Args;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Admin")]
pub(crate) struct AdminArgs {
    /// Listen here, too, for the platform's API to fill stores, and for
    /// /metrics, /healthz and /readyz
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) admin: Option<String>,

    /// What clients of the API send in Fastly-Key [default:
    /// $FASTLIKE_ADMIN_TOKEN, else one is made and printed]
    #[arg(long, value_name = "TOKEN", requires = "admin")]
    pub(crate) admin_token: Option<String>,

    /// Let other machines connect, in cleartext
    #[arg(long, requires = "admin")]
    pub(crate) admin_remote: bool,
}
