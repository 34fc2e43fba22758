//! Requests that the program gives away.

use clap::Args;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Hand-offs")]
pub(crate) struct HandOffArgs {
    /// Hand Fanout requests off to the Pushpin on this port of 127.0.0.1; 0 for
    /// none
    #[arg(long, value_name = "PORT")]
    pub(crate) local_pushpin_proxy_port: Option<u16>,

    /// Whether the program may hand WebSockets off to backends [default: true]
    // A bare flag must not take the program's name for its value.
    #[arg(
        long,
        value_name = "true|false",
        hide_possible_values = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub(crate) enable_local_websocket_passthrough: Option<bool>,
}
