//! Backends: where a guest's requests go.
//!
//! [`Backend`] is the seam: [`Origin`] speaks HTTP to a real server,
//! [`ServiceBackend`] and [`backend_fn`] run an origin inside this process.

mod ciphers;
mod dynamic;
mod failures;
mod health;
pub(crate) mod host;
mod kind;
mod origin;
mod registry;
mod service;
mod tls;
mod verify;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use parking_lot::Mutex;

use self::origin::Slot;
use crate::http::Body;

pub(crate) use ciphers::unknown_ciphers;
pub(crate) use dynamic::{DynamicSettings, Unmade};
pub(crate) use failures::Failures;
pub use health::HealthCheck;
pub use origin::{Origin, OriginError};
pub(crate) use registry::Registry;
pub use service::{BackendFn, IntoResponse, ServiceBackend, backend_fn};

/// A future that a [`Backend`] answers with.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An origin that guests can send requests to.
///
/// One value serves all sandboxes, so `send` is called concurrently.
pub trait Backend: Send + Sync + 'static {
    /// What the `fastly_backend` getters tell about this backend. Asked for
    /// each call; must be cheap and must not change.
    fn info(&self) -> &BackendInfo;

    /// What is known of the backend's health now.
    fn health_now(&self) -> Health {
        self.info().health
    }

    /// The connections that the backend has now, if it has any to count.
    fn connections(&self) -> Option<Connections> {
        None
    }

    /// Called once, within its runtime, when a service has the backend: work
    /// that goes on by itself, such as health checks, begins.
    fn start(&self) {}

    /// Sends one request and answers with the response's head as soon as it
    /// is there; its body streams.
    ///
    /// The request's URI is the one the guest set (absolute, or only a path
    /// if the guest gave no more); the `host` header is already the one to
    /// send. Dropping the future cancels the request.
    fn send(
        &self,
        request: http::Request<Body>,
        cx: SendContext,
    ) -> BoxFuture<'static, Result<http::Response<Body>, SendError>>;
}

impl<B: Backend + ?Sized> Backend for Arc<B> {
    fn info(&self) -> &BackendInfo {
        B::info(self)
    }

    fn health_now(&self) -> Health {
        B::health_now(self)
    }

    fn connections(&self) -> Option<Connections> {
        B::connections(self)
    }

    fn start(&self) {
        B::start(self);
    }

    fn send(
        &self,
        request: http::Request<Body>,
        cx: SendContext,
    ) -> BoxFuture<'static, Result<http::Response<Body>, SendError>> {
        B::send(self, request, cx)
    }
}

/// Connections of a backend, at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connections {
    /// All that are open, but those that became something else than HTTP.
    pub open: usize,
    /// Of these, those that no request uses.
    pub idle: usize,
}

/// What else is known about a request when it is sent.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SendContext {
    /// The request asks to upgrade its connection: its `upgrade` header is
    /// kept, and an answer with 101 is a success. A backend that upgrades
    /// puts hyper's `OnUpgrade` into the response's extensions; an [`Origin`]
    /// does.
    pub upgrade: bool,
}

/// The connection behind a 101, to be taken once. Cloneable, as the
/// extensions of a response must be.
#[derive(Debug, Clone)]
pub(crate) struct Upgraded(Arc<Switched>);

#[derive(Debug)]
struct Switched {
    upgrade: Mutex<Option<OnUpgrade>>,
    _place: Option<Slot>,
}

impl Upgraded {
    fn new(upgrade: OnUpgrade, place: Option<Slot>) -> Self {
        Self(Arc::new(Switched {
            upgrade: Mutex::new(Some(upgrade)),
            _place: place,
        }))
    }

    /// The connection, unless it was taken before. As long as it is used, this
    /// is to be kept: it holds the connection's place among those that its
    /// origin may have.
    pub(crate) fn take(&self) -> Option<OnUpgrade> {
        self.0.upgrade.lock().take()
    }
}

/// The address that really answered; an [`Origin`] puts it into the
/// response's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteAddr(pub SocketAddr);

/// What a guest can ask about a backend.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BackendInfo {
    /// The host that is connected to, without port.
    pub host: String,
    /// The port that is connected to.
    pub port: u16,
    /// `host` header sent instead of the guest's.
    pub override_host: Option<String>,
    /// The connection uses TLS.
    pub tls: bool,
    /// Lowest TLS version offered, if one is configured.
    pub tls_min: Option<TlsVersion>,
    /// Highest TLS version offered, if one is configured.
    pub tls_max: Option<TlsVersion>,
    /// How long name resolution, TCP and TLS may take together.
    pub connect_timeout: Duration,
    /// How long the response's head may take after the request was sent.
    pub first_byte_timeout: Duration,
    /// How long the response's body may pause.
    pub between_bytes_timeout: Duration,
    /// How long an idle connection is kept for another request.
    pub keepalive_time: Duration,
    /// TCP keep-alive probes, if switched on.
    pub tcp_keepalive: Option<TcpKeepalive>,
    /// Registered by a guest while it ran.
    pub dynamic: bool,
    /// What is known of the origin's health.
    pub health: Health,
}

impl BackendInfo {
    /// A backend at `host:port` with the platform's default times: connect
    /// 1 s, first byte 15 s, between bytes 10 s.
    pub fn new(host: impl Into<String>, port: u16, tls: bool) -> Self {
        Self {
            host: host.into(),
            port,
            override_host: None,
            tls,
            tls_min: None,
            tls_max: None,
            connect_timeout: Duration::from_secs(1),
            first_byte_timeout: Duration::from_secs(15),
            between_bytes_timeout: Duration::from_secs(10),
            keepalive_time: Duration::from_secs(60),
            tcp_keepalive: None,
            dynamic: false,
            health: Health::Unknown,
        }
    }
}

/// TCP keep-alive probes of a backend's connections.
///
/// A time or a number of zero leaves the system's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TcpKeepalive {
    /// Idle time before the first probe.
    pub time: Duration,
    /// Time between probes.
    pub interval: Duration,
    /// Unanswered probes after which the connection is dead.
    pub probes: u32,
}

/// A TLS protocol version as the ABI numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TlsVersion {
    Tls1_0,
    Tls1_1,
    Tls1_2,
    Tls1_3,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls1_0 => "1.0",
            Self::Tls1_1 => "1.1",
            Self::Tls1_2 => "1.2",
            Self::Tls1_3 => "1.3",
        })
    }
}

/// What is known of an origin's health.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Health {
    /// Nothing was probed or configured.
    #[default]
    Unknown,
    /// Configured or probed as healthy.
    Healthy,
    /// Configured or probed as unhealthy.
    Unhealthy,
}

/// Why a request got no response.
///
/// Each variant is decided where the fault is seen, so that the guest's
/// `send_error_detail` can name it.
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The name did not resolve in time.
    #[error("DNS resolution timed out")]
    DnsTimeout,
    /// The name did not resolve.
    #[error("DNS error: {message}")]
    Dns {
        /// The DNS response code, if a server answered with one.
        rcode: Option<u16>,
        /// What the resolver said.
        message: String,
    },
    /// No backend of this name is configured.
    #[error("there is no backend named {0:?}")]
    UnknownBackend(String),
    /// The backend is known to be down.
    #[error("the backend is down")]
    Unavailable,
    /// There is no route to the address.
    #[error("no route to the origin: {0}")]
    Unroutable(String),
    /// Nobody listens there.
    #[error("connection refused by {0}")]
    Refused(SocketAddr),
    /// The connection ended before a response began.
    #[error("the origin closed the connection before it answered")]
    Terminated,
    /// Connecting took longer than the backend's connect timeout.
    #[error("connecting took longer than {0:?}")]
    ConnectTimeout(Duration),
    /// The backend's connection limit is reached.
    #[error("the backend's connection limit is reached")]
    ConnectionLimit,
    /// The origin's certificate was not accepted.
    #[error("TLS certificate: {0}")]
    TlsCertificate(String),
    /// The TLS settings of the backend cannot work.
    #[error("TLS configuration: {0}")]
    TlsConfiguration(String),
    /// The origin sent a TLS alert.
    #[error("TLS alert {id}: {name}")]
    TlsAlert {
        /// The alert's number (RFC 8446 section 6).
        id: u8,
        /// The alert's name.
        name: String,
    },
    /// Another TLS fault.
    #[error("TLS: {0}")]
    TlsProtocol(String),
    /// The response ended within its head.
    #[error("the response ended within its head")]
    Incomplete,
    /// The response's head is larger than allowed.
    #[error("the response's head is too large")]
    HeadTooLarge,
    /// The response's head took longer than the first-byte timeout.
    #[error("no response within {0:?}")]
    ResponseTimeout(Duration),
    /// The origin, or what it sent, ended the request by the rules of HTTP/2.
    #[error("HTTP/2: {message}")]
    Http2 {
        /// The type of the frame that ended it, received or sent
        /// (RFC 9113 section 6).
        frame: u8,
        /// Its error code (RFC 9113 section 7).
        code: u32,
        /// What h2 says.
        message: String,
    },
    /// The response's status line makes no sense.
    #[error("the response's status is invalid")]
    InvalidStatus,
    /// Another fault in the origin's HTTP.
    #[error("HTTP protocol: {0}")]
    Protocol(String),
    /// The request's URI cannot be sent.
    #[error("the request's URI cannot be sent: {0}")]
    InvalidUri(String),
    /// The body that the guest was sending failed.
    #[error("the request's body failed: {0}")]
    RequestBody(String),
    /// Anything else.
    #[error("{0}")]
    Internal(String),
}
