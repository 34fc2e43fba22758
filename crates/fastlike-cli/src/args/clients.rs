//! Clients and the proxies before them.

use std::path::PathBuf;

use clap::Args;
use http::header::HeaderName;
use ipnet::IpNet;

use super::value;

/// How clients connect, and who of them is believed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Clients")]
pub(crate) struct ClientArgs {
    /// Serve https, with a certificate that is made for this machine and kept
    #[arg(long, group = "identity", conflicts_with = "tls_cert")]
    pub(crate) tls: bool,

    /// Serve https with this certificate chain (PEM), read again when it changes
    #[arg(long, group = "identity", value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Ask clients for a certificate of these authorities (PEM); the program
    /// is told what it is worth
    #[arg(long, value_name = "FILE", requires = "identity")]
    pub(crate) tls_client_ca: Option<PathBuf>,

    /// Believe peers of this network what they say about clients, also in
    /// headers such as x-fastly-bot-analyzed; may be repeated
    #[arg(long = "trust", value_name = "CIDR", value_parser = value::network)]
    pub(crate) trusted: Vec<IpNet>,

    /// Expect the PROXY protocol (version 1 or 2) from trusted peers
    #[arg(long, requires = "trusted")]
    pub(crate) proxy_protocol: bool,

    /// Take the client's address from this header of trusted peers
    #[arg(long, value_name = "NAME", requires = "trusted")]
    pub(crate) client_ip_header: Option<HeaderName>,
}
