//! `fastly_backend`: what a guest can ask about a backend.

mod witx;

use std::sync::Arc;

use crate::backend::{Backend, BackendInfo, TcpKeepalive, TlsVersion};
use crate::error::{Error, Result};
use crate::session::Session;

/// The backend of this name; an unknown one is `inval`.
pub(crate) fn named(session: &Session, name: &str) -> Result<Arc<dyn Backend>> {
    session.backend(name).ok_or_else(|| {
        session.world.backends.warn_unknown(name);
        Error::Invalid("backend: there is none of this name")
    })
}

/// True if a request could be sent to the backend.
pub(crate) fn exists(session: &Session, name: &str) -> bool {
    session.backend(name).is_some()
}

/// Milliseconds, as the ABI counts timeouts.
pub(crate) fn milliseconds(duration: std::time::Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// Seconds, as the ABI counts TCP keep-alive times.
pub(crate) fn seconds(duration: std::time::Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// The configured TLS version; none without TLS or if it was not configured.
pub(crate) fn tls_version(info: &BackendInfo, version: Option<TlsVersion>) -> Result<TlsVersion> {
    version.filter(|_| info.tls).ok_or(Error::Absent)
}

/// The probes' settings, all 0 when they are off.
pub(crate) fn tcp_keepalive(info: &BackendInfo) -> TcpKeepalive {
    info.tcp_keepalive.unwrap_or(TcpKeepalive {
        time: std::time::Duration::ZERO,
        interval: std::time::Duration::ZERO,
        probes: 0,
    })
}
