//! Backends that guests make while they run.

use std::collections::HashMap;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{Backend, HealthCheck, Origin, OriginError, TcpKeepalive, TlsVersion};
use crate::limits;
use crate::secret_store::Secret;

/// What a guest asks a backend to be; what it did not say has its default.
/// Two that are equal are the same backend: they share their connections and
/// their probes, whichever run made them and whatever it called them.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct DynamicSettings {
    /// `HOST` or `HOST:PORT`.
    pub(crate) target: String,
    pub(crate) override_host: Option<String>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) first_byte_timeout: Option<Duration>,
    pub(crate) between_bytes_timeout: Option<Duration>,
    pub(crate) tls: bool,
    pub(crate) tls_min: Option<TlsVersion>,
    pub(crate) tls_max: Option<TlsVersion>,
    /// Without it, the certificate may bear any name.
    pub(crate) cert_host: Option<String>,
    /// PEM of the authorities to trust instead of the system's.
    pub(crate) ca_certificates: Option<String>,
    pub(crate) ciphers: Option<String>,
    /// Empty: the handshake names no host.
    pub(crate) sni: Option<String>,
    /// A chain and its key, both PEM.
    pub(crate) client_certificate: Option<(String, Secret)>,
    pub(crate) dont_pool: bool,
    pub(crate) grpc: bool,
    /// How long idle connections are kept.
    pub(crate) keepalive_time: Option<Duration>,
    pub(crate) tcp_keepalive: Option<TcpKeepalive>,
    /// Zero is any number, here and below.
    pub(crate) max_connections: u32,
    pub(crate) max_use: u32,
    pub(crate) max_lifetime: Duration,
    pub(crate) prefer_ipv4: bool,
    pub(crate) health_check: Option<HealthCheck>,
}

impl DynamicSettings {
    fn origin(&self) -> Result<Origin, OriginError> {
        let mut origin = Origin::new(&self.url()?)?
            .dynamic()
            .pooling(!self.dont_pool)
            .max_connections(self.max_connections)
            .max_use(self.max_use)
            .max_lifetime(self.max_lifetime)
            .prefer_ipv4(self.prefer_ipv4)
            .grpc(self.grpc);
        if let Some(host) = &self.override_host {
            origin = origin.override_host(host)?;
        }
        if let Some(timeout) = self.connect_timeout {
            origin = origin.connect_timeout(timeout);
        }
        if let Some(timeout) = self.first_byte_timeout {
            origin = origin.first_byte_timeout(timeout);
        }
        if let Some(timeout) = self.between_bytes_timeout {
            origin = origin.between_bytes_timeout(timeout);
        }
        if let Some(time) = self.keepalive_time {
            origin = origin.keepalive_time(time);
        }
        if let Some(keepalive) = self.tcp_keepalive {
            origin = origin.tcp_keepalive(keepalive);
        }
        origin = self.secure(origin)?;
        match &self.health_check {
            Some(check) => origin.health_check(check.clone()),
            None => Ok(origin),
        }
    }

    fn secure(&self, mut origin: Origin) -> Result<Origin, OriginError> {
        if let Some(version) = self.tls_min {
            origin = origin.tls_min(version)?;
        }
        if let Some(version) = self.tls_max {
            origin = origin.tls_max(version)?;
        }
        if let Some(list) = &self.ciphers {
            origin = origin.ciphers(list)?;
        }
        origin = match &self.cert_host {
            Some(name) => origin.cert_host(name)?,
            None => origin.any_cert_host(),
        };
        origin = match self.sni.as_deref() {
            Some("") => origin.sni(false),
            Some(name) => origin.sni_name(name)?,
            None => origin,
        };
        if let Some(pem) = &self.ca_certificates {
            origin = origin.ca_certificates(pem)?;
        }
        if let Some((chain, key)) = &self.client_certificate {
            origin = origin.client_certificate(chain, key.plaintext())?;
        }
        Ok(origin)
    }

    fn url(&self) -> Result<String, OriginError> {
        let target = &self.target;
        let scheme = if self.tls { "https" } else { "http" };
        if target.contains(['/', '?', '#', '@', '\\']) {
            return Err(OriginError::Url {
                url: target.clone(),
                why: "it is not HOST or HOST:PORT".to_owned(),
            });
        }
        Ok(match target.parse::<Ipv6Addr>() {
            Ok(address) => format!("{scheme}://[{address}]"),
            Err(_) => format!("{scheme}://{target}"),
        })
    }
}

/// Why a dynamic backend cannot be made.
#[derive(thiserror::Error, Debug, PartialEq)]
pub(crate) enum Unmade {
    #[error("this service allows no dynamic backends")]
    NotAllowed,
    #[error("the service has {} dynamic backends in use", limits::DYNAMIC_BACKENDS)]
    TooMany,
    #[error(transparent)]
    Wrong(#[from] OriginError),
}

/// The dynamic backends of a service. Each is kept after its run, for runs
/// that make the same again.
pub(crate) struct DynamicBackends {
    allowed: bool,
    made: Mutex<HashMap<DynamicSettings, Made>>,
}

struct Made {
    origin: Arc<Origin>,
    /// Larger is later.
    used: u64,
}

impl Default for DynamicBackends {
    fn default() -> Self {
        Self {
            allowed: true,
            made: Mutex::default(),
        }
    }
}

impl DynamicBackends {
    pub(super) fn allow(&mut self, yes: bool) {
        self.allowed = yes;
    }

    /// The backend that `settings` describe. If there are as many as there
    /// may be, the one that nobody has used for longest goes.
    pub(crate) fn get(&self, settings: DynamicSettings) -> Result<Arc<Origin>, Unmade> {
        if !self.allowed {
            return Err(Unmade::NotAllowed);
        }
        let mut made = self.made.lock();
        let used = made.values().map(|one| one.used).max().unwrap_or(0);
        let used = used.saturating_add(1);
        if let Some(one) = made.get_mut(&settings) {
            one.used = used;
            return Ok(Arc::clone(&one.origin));
        }
        let mut unused = None;
        if made.len() >= limits::DYNAMIC_BACKENDS {
            let idle = made
                .iter()
                .filter(|(_, one)| Arc::strong_count(&one.origin) == 1);
            let oldest = idle.min_by_key(|(_, one)| one.used);
            let oldest = oldest.map(|(settings, _)| settings.clone());
            unused = Some(oldest.ok_or(Unmade::TooMany)?);
        }
        let origin = Arc::new(settings.origin()?);
        let gone = unused.and_then(|settings| made.remove(&settings));
        made.insert(
            settings,
            Made {
                origin: Arc::clone(&origin),
                used,
            },
        );
        drop(made);
        drop(gone);
        origin.start();
        Ok(origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(target: &str) -> DynamicSettings {
        DynamicSettings {
            target: target.to_owned(),
            ..DynamicSettings::default()
        }
    }

    #[test]
    fn a_target_is_a_host_and_maybe_a_port() {
        for (target, tls, host, port) in [
            ("a.example", false, "a.example", 80),
            ("a.example", true, "a.example", 443),
            ("a.example:81", true, "a.example", 81),
            ("192.0.2.1", false, "192.0.2.1", 80),
            ("::1", false, "::1", 80),
            ("[::1]:81", false, "::1", 81),
        ] {
            let mut settings = to(target);
            settings.tls = tls;
            let origin = settings.origin().expect(target);
            let info = origin.info();
            assert_eq!((info.host.as_str(), info.port), (host, port), "{target}");
            assert!(info.dynamic && info.tls == tls, "{target}");
        }
        for target in ["", "http://a", "a/b", "a?b", "me@a", "a:x", "a:0", "a b"] {
            assert!(to(target).origin().is_err(), "{target}");
        }
    }

    #[test]
    fn the_same_settings_are_the_same_backend() {
        let backends = DynamicBackends::default();
        let one = backends.get(to("a")).expect("made");
        assert!(Arc::ptr_eq(&one, &backends.get(to("a")).expect("made")));
        let mut other = to("a");
        other.max_use = 1;
        assert!(!Arc::ptr_eq(&one, &backends.get(other).expect("made")));
    }

    #[test]
    fn there_are_at_most_200_in_use() {
        let backends = DynamicBackends::default();
        let get = |n: usize| backends.get(to(&format!("host{n}")));
        let most = limits::DYNAMIC_BACKENDS;
        let used: Vec<_> = (1..most).map(|n| get(n).expect("made")).collect();
        get(0).expect("the last one");
        get(most).expect("in the place of the one that is not used");
        let held = get(most).expect("made");
        assert_eq!(get(0).err(), Some(Unmade::TooMany));
        drop((used, held));
        get(0).expect("there is room again");
        assert_eq!(backends.made.lock().len(), most);
    }

    #[test]
    fn they_can_be_forbidden() {
        let mut backends = DynamicBackends::default();
        backends.allow(false);
        assert_eq!(backends.get(to("a")).err(), Some(Unmade::NotAllowed));
    }
}
