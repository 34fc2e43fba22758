//! The settings of an [`Origin`].

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::uri::Authority;
use rustls::RootCertStore;
use rustls::pki_types::ServerName;

use super::dial::{Family, Resolve};
use super::url::Target;
use super::{Origin, OriginError, Settings};
use crate::backend::ciphers::Ciphers;
use crate::backend::tls::{self, Sni, TlsSettings};
use crate::backend::{BackendInfo, Health, HealthCheck, TcpKeepalive, TlsVersion};

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
                first: Family::default(),
                http2: true,
                grpc: false,
                pooling: true,
                max_connections: 0,
                max_use: 0,
                max_lifetime: Duration::ZERO,
                health_check: None,
            },
            live: OnceLock::new(),
            probing: OnceLock::new(),
        })
    }

    /// Says that a guest made it.
    pub(crate) fn dynamic(self) -> Self {
        self.with(|settings| settings.info.dynamic = true)
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

    /// Whether connections are used for more than one request; they are by
    /// default.
    pub fn pooling(self, yes: bool) -> Self {
        self.with(|settings| settings.pooling = yes)
    }

    /// How many connections there may be at a time. A request beyond that
    /// waits for as long as connecting may take. Zero, the default: any number.
    pub fn max_connections(self, count: u32) -> Self {
        self.with(|settings| settings.max_connections = count)
    }

    /// How many requests are sent on one connection. Zero, the default: any
    /// number.
    pub fn max_use(self, count: u32) -> Self {
        self.with(|settings| settings.max_use = count)
    }

    /// How old a connection may be that is used once more. Zero, the default:
    /// any age.
    pub fn max_lifetime(self, time: Duration) -> Self {
        self.with(|settings| settings.max_lifetime = time)
    }

    /// Whether IPv4 addresses of the host are tried before IPv6 ones, or the
    /// other way around. Without this, the family that the resolver puts
    /// first. In either case the families take turns.
    pub fn prefer_ipv4(self, yes: bool) -> Self {
        let first = if yes { Family::Ipv4 } else { Family::Ipv6 };
        self.with(|settings| settings.first = first)
    }

    /// Whether HTTP/2 is proposed over TLS; it is by default. Without TLS
    /// only [`Origin::grpc`] speaks it.
    pub fn http2(self, yes: bool) -> Self {
        self.with(|settings| settings.http2 = yes)
    }

    /// Speaks nothing but HTTP/2, as gRPC needs, also without TLS (by prior
    /// knowledge, RFC 9113 section 3.3).
    pub fn grpc(self, yes: bool) -> Self {
        self.with(|settings| settings.grpc = yes)
    }

    /// Probes the origin's health as soon as a service has it. While it is
    /// unhealthy, requests fail at once with
    /// [`SendError::Unavailable`](crate::SendError::Unavailable).
    ///
    /// # Errors
    /// [`OriginError::HealthCheck`] if a value is beyond the platform's limits.
    pub fn health_check(self, check: HealthCheck) -> Result<Self, OriginError> {
        check.validate().map_err(OriginError::HealthCheck)?;
        Ok(self.with(|settings| settings.health_check = Some(check)))
    }

    /// What guests are told of the origin's health if nobody probes it;
    /// requests are sent anyway.
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

    /// Takes a certificate of a trusted authority whatever name it bears, if
    /// none was given with [`Origin::cert_host`].
    pub(crate) fn any_cert_host(self) -> Self {
        self.with(|settings| settings.tls.any_name = settings.tls.cert_host.is_none())
    }

    /// The cipher suites to offer with TLS 1.2, as an OpenSSL list. What
    /// rustls has not is passed over; TLS 1.3 is not concerned.
    ///
    /// # Errors
    /// [`OriginError::Ciphers`] if nothing is left and TLS 1.3 is not allowed.
    pub fn ciphers(self, list: &str) -> Result<Self, OriginError> {
        let ciphers = Ciphers::parse(list);
        if ciphers.is_empty() {
            tracing::debug!("no TLS 1.2 cipher suite is left of {list:?}");
        }
        let named = Some((ciphers, list.to_owned()));
        self.with(|settings| settings.tls.ciphers = named)
            .with_some_tls_version()
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
        let tls = &self.settings.tls;
        if !tls.versions(min, max).is_empty() {
            return Ok(self);
        }
        // With all suites there would be a version: it is for their list.
        let without_list = TlsSettings::default().versions(min, max);
        match &tls.ciphers {
            Some((_, list)) if !without_list.is_empty() => Err(OriginError::Ciphers(list.clone())),
            _ => Err(OriginError::TlsVersions { min, max }),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        // Connections made with other settings must not be used any more.
        self.live = OnceLock::new();
        self.probing = OnceLock::new();
        self
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, OriginError> {
    ServerName::try_from(name.to_owned()).map_err(|_| OriginError::TlsName(name.to_owned()))
}
