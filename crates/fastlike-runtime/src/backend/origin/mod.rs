//! A real origin, spoken to in HTTP/1.1 or HTTP/2 over TCP or TLS.
//!
//! One [`Origin`] has one set of settings and one pool of connections, so
//! connections with different settings never mix. A request takes an idle
//! connection, a part of a shared one, or makes a new one; the response's body
//! carries what it has of it back to the pool when it was read to its end.

mod clock;
mod connect;
mod dial;
mod exchange;
mod http2;
mod limit;
mod live;
mod pool;
mod probe;
mod request;
mod response;
mod settings;
mod url;
mod wire;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Request, Response};

use self::dial::{Family, Resolve};
pub(super) use self::limit::Slot;
use self::live::Live;
use self::probe::Probing;
use super::health::HealthCheck;
use super::tls::TlsSettings;
use super::{
    Backend, BackendInfo, BoxFuture, Connections, Health, SendContext, SendError, TlsVersion,
};
use crate::http::Body;

/// A server that speaks HTTP/1.1 or, over TLS, HTTP/2.
///
/// ```no_run
/// # use fastlike_runtime::{Origin, OriginError};
/// # fn main() -> Result<(), OriginError> {
/// let origin = Origin::new("https://api.example.com/v1")?.override_host("example.com")?;
/// # let _ = origin;
/// # Ok(())
/// # }
/// ```
pub struct Origin {
    settings: Settings,
    /// Made when the first request is sent.
    live: OnceLock<Arc<Live>>,
    /// None while nobody probes.
    probing: OnceLock<Option<Probing>>,
}

#[derive(Clone)]
struct Settings {
    info: BackendInfo,
    /// Goes before each path; without a slash at its end.
    prefix: String,
    tls: TlsSettings,
    /// Instead of the system's resolver.
    resolve: Option<Resolve>,
    first: Family,
    /// Over TLS, propose HTTP/2.
    http2: bool,
    /// Speak nothing but HTTP/2.
    grpc: bool,
    /// Use connections more than once.
    pooling: bool,
    /// Zero is any number, here and below.
    max_connections: u32,
    max_use: u32,
    max_lifetime: Duration,
    health_check: Option<HealthCheck>,
}

impl Settings {
    /// How long idle connections are kept; zero keeps none.
    fn keep(&self) -> Duration {
        if self.pooling {
            self.info.keepalive_time
        } else {
            Duration::ZERO
        }
    }
}

/// What is wrong with the settings of an [`Origin`].
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginError {
    /// The URL does not name an origin.
    #[error("{url:?} is not the URL of an origin: {why}")]
    Url {
        /// The URL as given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The URL contains a user name or a password, which is not repeated here.
    #[error("the URL of an origin must not contain a user name or a password")]
    Credentials,
    /// The host cannot be sent as `host` header.
    #[error("{0:?} cannot be sent as host header: write HOST or HOST:PORT")]
    OverrideHost(String),
    /// The name cannot stand in a certificate or in a TLS handshake.
    #[error("{0:?} is neither a DNS name nor an IP address")]
    TlsName(String),
    /// The authorities' certificates cannot be read.
    #[error("CA certificate: {0}")]
    CaCertificate(String),
    /// The client's certificate cannot be used.
    #[error("client certificate: {0}")]
    ClientCertificate(String),
    /// The private key of the client's certificate cannot be used.
    #[error("the client certificate's private key: {0}")]
    ClientKey(String),
    /// No TLS version is left.
    #[error("no TLS version is left: there are 1.2 and 1.3, and {} is asked for", range(*min, *max))]
    TlsVersions {
        /// The lowest version asked for.
        min: Option<TlsVersion>,
        /// The highest version asked for.
        max: Option<TlsVersion>,
    },
    /// No cipher suite is left.
    #[error("no cipher suite is left of {0:?}: there are those with ECDHE and AES-GCM or ChaCha20")]
    Ciphers(String),
    /// The health check cannot be made.
    #[error("health check: {0}")]
    HealthCheck(String),
}

/// What a range of TLS versions is in words.
fn range(min: Option<TlsVersion>, max: Option<TlsVersion>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{min} or higher and {max} or lower"),
        (Some(min), None) => format!("{min} or higher"),
        (None, Some(max)) => format!("{max} or lower"),
        (None, None) => "any".to_owned(),
    }
}

impl Backend for Origin {
    fn info(&self) -> &BackendInfo {
        &self.settings.info
    }

    fn health_now(&self) -> Health {
        match self.probing() {
            Some(probing) if probing.healthy() => Health::Healthy,
            Some(_) => Health::Unhealthy,
            None => self.settings.info.health,
        }
    }

    fn connections(&self) -> Option<Connections> {
        let live = self.live.get();
        Some(live.map(|live| live.pool.connections()).unwrap_or_default())
    }

    fn start(&self) {
        if let Some(check) = &self.settings.health_check {
            let start = || Probing::start(&self.settings, check);
            self.probing.get_or_init(start);
        }
    }

    fn send(
        &self,
        request: Request<Body>,
        cx: SendContext,
    ) -> BoxFuture<'static, Result<Response<Body>, SendError>> {
        if self.probing().is_some_and(|probing| !probing.healthy()) {
            return Box::pin(std::future::ready(Err(SendError::Unavailable)));
        }
        let live = self.live.get_or_init(|| Live::new(&self.settings));
        let live = Arc::clone(live);
        Box::pin(async move { live.send(request, cx.upgrade).await })
    }
}

impl Origin {
    fn probing(&self) -> Option<&Probing> {
        self.probing.get()?.as_ref()
    }
}

impl fmt::Debug for Origin {
    /// Tells nothing of certificates and keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin")
            .field("info", &self.settings.info)
            .finish_non_exhaustive()
    }
}
