//! What one request may take.

use std::time::Duration;

use clap::Args;

use super::value;
use crate::units;

/// Each is the runtime's default if it is not given.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// CPU time of one request [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) cpu_limit: Option<Duration>,

    /// Time of one request, waiting included [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) wall_limit: Option<Duration>,

    /// Memory of one request [default: 128MiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub(crate) heap_limit: Option<u64>,

    /// Requests that run at the same time [default: 1000]
    #[arg(long, value_name = "N", value_parser = value::count)]
    pub(crate) max_sandboxes: Option<usize>,

    /// Prepare this many sandboxes before the first request
    #[arg(long, value_name = "N", value_parser = value::count)]
    pub(crate) warm_up: Option<usize>,
}
