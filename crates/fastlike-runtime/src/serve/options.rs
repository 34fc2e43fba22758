//! How a listener serves.

use http::header::HeaderName;
use ipnet::IpNet;

use super::TlsListener;
use crate::client::Trusted;

/// How a listener serves: by default in cleartext, and for clients that
/// connect by themselves.
///
/// ```no_run
/// # async fn example(fastlike: fastlike_runtime::Fastlike) -> Result<(), Box<dyn std::error::Error>> {
/// use fastlike_runtime::{ServeOptions, TlsListener};
///
/// let options = ServeOptions::new()
///     .tls(TlsListener::from_files("cert.pem", "key.pem")?)
///     .trusted_peers(["10.0.0.0/8".parse()?])
///     .proxy_protocol(true);
/// let listener = tokio::net::TcpListener::bind("0.0.0.0:443").await?;
/// fastlike.serve_with(listener, options, std::future::pending()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ServeOptions {
    pub(super) tls: Option<TlsListener>,
    pub(super) trusted: Trusted,
    pub(super) proxy_protocol: bool,
    pub(super) client_ip_header: Option<HeaderName>,
}

impl ServeOptions {
    /// Cleartext, and no peer that is trusted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Speaks TLS with clients, and HTTP/2 or HTTP/1.1 as they choose by ALPN.
    #[must_use]
    pub fn tls(mut self, tls: TlsListener) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Networks of peers that are believed what they say about clients: by
    /// the PROXY protocol, in the header of [`ServeOptions::client_ip_header`],
    /// and in headers such as `x-fastly-bot-analyzed`.
    #[must_use]
    pub fn trusted_peers(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.trusted.extend(networks);
        self
    }

    /// Expects trusted peers to begin with a header of the PROXY protocol,
    /// version 1 or 2, which says whose connection it is. From others, such a
    /// header is no HTTP and refused.
    #[must_use]
    pub fn proxy_protocol(mut self, yes: bool) -> Self {
        self.proxy_protocol = yes;
        self
    }

    /// Takes the client's address from this header of requests of trusted
    /// peers, as `x-forwarded-for`: an address or a list of them, of which the
    /// last that is not trusted counts.
    #[must_use]
    pub fn client_ip_header(mut self, name: HeaderName) -> Self {
        self.client_ip_header = Some(name);
        self
    }
}
