//! A real origin, spoken to in HTTP/1.1 over TCP or TLS.
//!
//! One [`Origin`] has one set of settings and one pool of connections, so
//! connections with different settings never mix. A request takes an idle
//! connection or makes a new one; the response's body carries the connection
//! back to the pool when it was read to its end.

mod clock;
mod connect;
mod exchange;
mod pool;
mod request;
mod response;
mod url;
mod wire;

#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::uri::Authority;
use http::{Request, Response};
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use self::clock::FirstByte;
use self::connect::Resolve;
use self::exchange::Unanswered;
use self::pool::Pool;
use self::request::RequestBody;
use self::url::Target;
use super::tls::{self, Sni, Tls, TlsSettings};
use super::{
    Backend, BackendInfo, BoxFuture, Health, SendContext, SendError, TcpKeepalive, TlsVersion,
};
use crate::http::{Body, after};

/// A server that speaks HTTP/1.1, with or without TLS.
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
}

#[derive(Clone)]
struct Settings {
    info: BackendInfo,
    /// Goes before each path; without a slash at its end.
    prefix: String,
    tls: TlsSettings,
    /// Instead of the system's resolver.
    resolve: Option<Resolve>,
}

/// What requests share.
struct Live {
    settings: Settings,
    pool: Arc<Pool>,
    tls: OnceCell<Tls>,
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
    /// The client's certificate or its key cannot be used.
    #[error("client certificate: {0}")]
    ClientCertificate(String),
    /// No TLS version is left.
    #[error("no TLS version is left: there are 1.2 and 1.3, and {min:?} to {max:?} is asked for")]
    TlsVersions {
        /// The lowest version asked for.
        min: Option<TlsVersion>,
        /// The highest version asked for.
        max: Option<TlsVersion>,
    },
}

impl Origin {
    /// An origin at a URL with `http` or `https`, a host and, if needed, a
    /// port and a path. The path goes before that of each request.
    pub fn new(url: &str) -> Result<Self, OriginError> {
        let target = Target::parse(url)?;
        Ok(Self {
            settings: Settings {
                info: BackendInfo::new(target.host, target.port, target.tls),
                prefix: target.prefix,
                tls: TlsSettings::default(),
                resolve: None,
            },
            live: OnceLock::new(),
        })
    }

    /// Sends this `host` header instead of the guest's.
    pub fn override_host(self, host: &str) -> Result<Self, OriginError> {
        let wrong = || OriginError::OverrideHost(host.to_owned());
        let authority: Authority = host.parse().map_err(|_| wrong())?;
        if authority.host().is_empty() || host.contains('@') {
            return Err(wrong());
        }
        Ok(self.with(|settings| settings.info.override_host = Some(host.to_owned())))
    }

    /// How long name resolution, TCP and TLS may take together. Zero: any time.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.info.connect_timeout = timeout)
    }

    /// How long the response's head may take, counted while it is the
    /// origin's turn: from the last piece of the request that was sent, and
    /// not while the guest still writes the request's body. Zero: any time.
    pub fn first_byte_timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.info.first_byte_timeout = timeout)
    }

    /// How long the response's body may pause while somebody waits for it.
    /// Zero: any time.
    pub fn between_bytes_timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.info.between_bytes_timeout = timeout)
    }

    /// How long an idle connection is kept for another request. Zero: not at all.
    pub fn keepalive_time(self, time: Duration) -> Self {
        self.with(|settings| settings.info.keepalive_time = time)
    }

    /// Switches TCP keep-alive probes on.
    pub fn tcp_keepalive(self, keepalive: TcpKeepalive) -> Self {
        self.with(|settings| settings.info.tcp_keepalive = Some(keepalive))
    }

    /// What guests are told of the origin's health; requests are sent anyway.
    pub fn health(self, health: Health) -> Self {
        self.with(|settings| settings.info.health = health)
    }

    /// The name that the origin's certificate must bear, if not the URL's
    /// host. It is also the name sent as SNI, unless [`Origin::sni_name`]
    /// says otherwise.
    pub fn cert_host(self, name: &str) -> Result<Self, OriginError> {
        let name = server_name(name)?;
        Ok(self.with(|settings| settings.tls.cert_host = Some(name)))
    }

    /// Whether the TLS handshake names the host in clear (SNI). It does by
    /// default, with the name that the certificate must bear.
    pub fn sni(self, yes: bool) -> Self {
        self.with(|settings| match (yes, &settings.tls.sni) {
            (true, Sni::Off) => settings.tls.sni = Sni::CertHost,
            (true, _) => {}
            (false, _) => settings.tls.sni = Sni::Off,
        })
    }

    /// The name that the TLS handshake sends as SNI.
    pub fn sni_name(self, name: &str) -> Result<Self, OriginError> {
        let name = server_name(name)?;
        Ok(self.with(|settings| settings.tls.sni = Sni::Name(name)))
    }

    /// Trusts the authorities of this PEM text, and those of further calls,
    /// instead of the system's.
    pub fn ca_certificates(self, pem: impl AsRef<[u8]>) -> Result<Self, OriginError> {
        let mut roots = match &self.settings.tls.roots {
            Some(roots) => RootCertStore::clone(roots),
            None => RootCertStore::empty(),
        };
        tls::add_roots(&mut roots, pem.as_ref())?;
        Ok(self.with(|settings| settings.tls.roots = Some(Arc::new(roots))))
    }

    /// Shows this certificate to origins that ask for one: a chain and its
    /// private key, both PEM.
    pub fn client_certificate(
        self,
        chain: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, OriginError> {
        let identity = tls::identity(chain.as_ref(), key.as_ref())?;
        Ok(self.with(|settings| settings.tls.identity = Some(identity)))
    }

    /// Whether the origin's certificate is verified; true by default. Without
    /// it anybody on the way can pose as the origin.
    pub fn check_cert(self, yes: bool) -> Self {
        self.with(|settings| settings.tls.check_cert = yes)
    }

    /// The lowest TLS version to offer. 1.0 and 1.1 mean 1.2, the lowest there is.
    pub fn tls_min(self, version: TlsVersion) -> Result<Self, OriginError> {
        self.with(|settings| settings.info.tls_min = Some(version))
            .with_some_tls_version()
    }

    /// The highest TLS version to offer.
    pub fn tls_max(self, version: TlsVersion) -> Result<Self, OriginError> {
        self.with(|settings| settings.info.tls_max = Some(version))
            .with_some_tls_version()
    }

    /// Looks the host up with `resolve` instead of the system's resolver. It
    /// gets the host and the port, and is not asked about IP addresses.
    pub fn resolve_with<F, Fut>(self, resolve: F) -> Self
    where
        F: Fn(&str, u16) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        let resolve: Resolve = Arc::new(move |host, port| Box::pin(resolve(host, port)));
        self.with(|settings| settings.resolve = Some(resolve))
    }

    fn with_some_tls_version(self) -> Result<Self, OriginError> {
        let (min, max) = (self.settings.info.tls_min, self.settings.info.tls_max);
        if tls::versions(min, max).is_empty() {
            return Err(OriginError::TlsVersions { min, max });
        }
        Ok(self)
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        // Connections made with other settings must not be used any more.
        self.live = OnceLock::new();
        self
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, OriginError> {
    ServerName::try_from(name.to_owned()).map_err(|_| OriginError::TlsName(name.to_owned()))
}

impl Backend for Origin {
    fn info(&self) -> &BackendInfo {
        &self.settings.info
    }

    fn send(
        &self,
        request: Request<Body>,
        _cx: SendContext,
    ) -> BoxFuture<'static, Result<Response<Body>, SendError>> {
        let live = self.live.get_or_init(|| Live::new(&self.settings));
        let live = Arc::clone(live);
        Box::pin(async move { live.send(request).await })
    }
}

impl Live {
    fn new(settings: &Settings) -> Arc<Self> {
        Arc::new(Self {
            settings: settings.clone(),
            pool: Pool::new(settings.info.keepalive_time),
            tls: OnceCell::new(),
        })
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, SendError> {
        let timeout = self.settings.info.first_byte_timeout;
        let mut request = request::prepare(request, &self.settings.prefix, &self.settings.info)?;
        let progress = request.body().progress();
        let now = Instant::now();
        let sleep = tokio::time::sleep_until(after(now, timeout));
        tokio::pin!(sleep);
        let mut first_byte = FirstByte::new(sleep, now, timeout, progress);

        while let Some(mut connection) = self.pool.take(now) {
            let again = request::repeatable(&request);
            match connection.exchange(request, &mut first_byte).await {
                Ok(response) => return Ok(self.receive(response, connection)),
                // The connection died while it was idle. What was not sent, not
                // even its body, can be sent elsewhere; so can, once, what was
                // sent just when the origin closed (RFC 9112 section 9.3.1).
                Err(Unanswered { error, unsent }) => match (error, unsent, again) {
                    (_, Some(unsent), _) => request = unsent,
                    (SendError::Terminated, None, Some(again)) => {
                        request = again.map(RequestBody::new);
                        break;
                    }
                    (error, ..) => return Err(error),
                },
            }
        }
        // Boxed because it is large and most requests do without it.
        let mut connection = Box::pin(connect::connect(self)).await?;
        first_byte.restart();
        match connection.exchange(request, &mut first_byte).await {
            Ok(response) => Ok(self.receive(response, connection)),
            Err(unanswered) => Err(unanswered.error),
        }
    }

    fn receive(
        &self,
        response: Response<hyper::body::Incoming>,
        connection: pool::Connection,
    ) -> Response<Body> {
        let between_bytes = self.settings.info.between_bytes_timeout;
        response::receive(response, connection, &self.pool, between_bytes)
    }

    async fn tls(&self) -> Result<&Tls, SendError> {
        let build = || async {
            let settings = self.settings.clone();
            // The system's roots are read from files.
            let built = tokio::task::spawn_blocking(move || {
                let info = &settings.info;
                settings.tls.build(&info.host, info.tls_min, info.tls_max)
            });
            built
                .await
                .map_err(|error| SendError::Internal(error.to_string()))?
        };
        self.tls.get_or_try_init(build).await
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
