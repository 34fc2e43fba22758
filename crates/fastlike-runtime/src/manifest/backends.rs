//! `[local_server.backends.<name>]`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::certificates::{self, ClientCertificate};
use super::connections::{self, ConnectionSettings};
use super::healthcheck;
use super::problem::Log;
use super::raw::{Item, Section};
use super::resolve::Files;
use crate::backend::{Backend as _, Health, HealthCheck, Origin, OriginError};

/// The longest backend name the platform takes.
const NAME_BYTES: usize = 255;

const HEALTH: &[(&str, Health)] = &[
    ("unknown", Health::Unknown),
    ("healthy", Health::Healthy),
    ("unhealthy", Health::Unhealthy),
];

/// One backend's settings, as written.
#[derive(Debug, Clone, PartialEq)]
pub struct BackendSettings {
    /// Where requests go: `http` or `https`, a host, maybe a port and a path.
    pub url: String,
    /// `override_host`: the `host` header that is sent instead of the
    /// request's.
    pub override_host: Option<String>,
    /// `cert_host`: the name that the certificate must bear, if not the
    /// URL's.
    pub cert_host: Option<String>,
    /// `use_sni`: whether the handshake names the host. True if not given.
    pub use_sni: bool,
    /// `check_cert`: whether the certificate is verified. True if not given.
    pub check_cert: bool,
    /// `grpc`: the origin speaks gRPC, and so nothing but HTTP/2.
    pub grpc: bool,
    /// `connect_timeout_ms`; zero waits any time.
    pub connect_timeout: Option<Duration>,
    /// `first_byte_timeout_ms`; zero waits any time.
    pub first_byte_timeout: Option<Duration>,
    /// `between_bytes_timeout_ms`; zero waits any time.
    pub between_bytes_timeout: Option<Duration>,
    /// `health`: what programs are told of the origin's health.
    pub health: Health,
    /// `client_certificate`: what we show to an origin that asks who we are.
    pub client_certificate: Option<ClientCertificate>,
    /// `ca_certificate`: PEM texts of the authorities to trust instead of
    /// the system's; empty means the system's.
    pub ca_certificates: Vec<Vec<u8>>,
    /// How connections are made and kept.
    pub connections: ConnectionSettings,
    /// `healthcheck`: how the origin's health is probed, if it is.
    pub health_check: Option<HealthCheck>,
    /// The line in the manifest, from 1.
    pub line: usize,
}

impl BackendSettings {
    /// The backend that these settings describe.
    ///
    /// # Errors
    /// None for settings that a [`Manifest`](super::Manifest) was read with:
    /// what cannot work is a problem of the file.
    pub fn origin(&self) -> Result<Origin, OriginError> {
        let mut origin = Origin::new(&self.url)?
            .sni(self.use_sni)
            .check_cert(self.check_cert)
            .grpc(self.grpc)
            .health(self.health);
        if let Some(host) = &self.override_host {
            origin = origin.override_host(host)?;
        }
        if let Some(host) = &self.cert_host {
            origin = origin.cert_host(host)?;
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
        if let Some(identity) = &self.client_certificate {
            origin = origin.client_certificate(&identity.certificate, &identity.key)?;
        }
        for pem in &self.ca_certificates {
            origin = origin.ca_certificates(pem)?;
        }
        origin = self.connections.apply(origin)?;
        match &self.health_check {
            Some(check) => origin.health_check(check.clone()),
            None => Ok(origin),
        }
    }
}

/// An origin to try single settings on, so that a wrong one is shown where it
/// is.
pub(super) fn probe() -> Result<Origin, OriginError> {
    Origin::new("http://localhost")
}

pub(super) fn read(
    local: &mut Section<'_>,
    files: &Files,
    log: &mut Log,
) -> BTreeMap<String, BackendSettings> {
    let Some(mut section) = local.section("backends", log) else {
        return BTreeMap::new();
    };
    let mut backends = BTreeMap::new();
    for item in section.take_all() {
        let name = item.name().to_owned();
        if name.is_empty() || name.len() > NAME_BYTES {
            log.error(item.problem_at_key(format!("a backend's name has 1 to {NAME_BYTES} bytes")));
        }
        if let Some(settings) = backend(item, files, log) {
            backends.insert(name, settings);
        }
    }
    backends
}

fn backend(item: Item<'_>, files: &Files, log: &mut Log) -> Option<BackendSettings> {
    if let Some(url) = item.value().as_str() {
        let help = format!("write `{} = {{ url = {url:?} }}`", item.name());
        log.error(item.problem("expected a table, found a string").help(help));
        return None;
    }
    let mut section = item.section(log)?;
    let url = url(&mut section, log).unwrap_or_default();
    let override_host = host(&mut section, "override_host", Origin::override_host, log);
    let own_host = || Origin::new(&url).map(|origin| origin.info().host.clone());
    let probed_host = override_host.clone().or_else(|| own_host().ok());
    let settings = BackendSettings {
        override_host,
        cert_host: host(&mut section, "cert_host", Origin::cert_host, log),
        use_sni: section.boolean("use_sni", log).unwrap_or(true),
        check_cert: section.boolean("check_cert", log).unwrap_or(true),
        grpc: section.boolean("grpc", log).unwrap_or(false),
        connect_timeout: millis(&mut section, "connect_timeout_ms", log),
        first_byte_timeout: millis(&mut section, "first_byte_timeout_ms", log),
        between_bytes_timeout: millis(&mut section, "between_bytes_timeout_ms", log),
        health: health(&mut section, log),
        client_certificate: certificates::client(&mut section, files, log),
        ca_certificates: certificates::authorities(&mut section, files, log),
        connections: connections::read(&mut section, log),
        health_check: healthcheck::read(&mut section, &probed_host.unwrap_or_default(), log),
        line: section.line(),
        url,
    };
    section.finish(log);
    Some(settings)
}

fn url(section: &mut Section<'_>, log: &mut Log) -> Option<String> {
    let Some(item) = section.take("url") else {
        let missing = section.problem("`url` is missing");
        log.error(missing.help("write `url = \"https://…\"` below it"));
        return None;
    };
    let url = item.string(log)?;
    if let Err(error) = Origin::new(&url) {
        let problem = item.problem(error.to_string());
        log.error(match mended(&url) {
            Some(mend) => problem.help(mend),
            None => problem,
        });
    }
    Some(url)
}

/// How to write a URL whose scheme is missing or has slipped: `http//host`.
fn mended(url: &str) -> Option<String> {
    let sound = |url: &str| Origin::new(url).is_ok();
    for scheme in ["https", "http"] {
        let rest = url.strip_prefix(scheme);
        let host = rest.map(|rest| rest.trim_start_matches([':', '/']));
        if let Some(host) = host.filter(|host| Some(*host) != rest) {
            let mended = format!("{scheme}://{host}");
            return sound(&mended).then(|| format!("write `{mended}`"));
        }
    }
    sound(&format!("https://{url}")).then(|| format!("write `https://{url}` or `http://{url}`"))
}

pub(super) fn host(
    section: &mut Section<'_>,
    key: &'static str,
    set: impl FnOnce(Origin, &str) -> Result<Origin, OriginError>,
    log: &mut Log,
) -> Option<String> {
    let (host, item) = section.string(key, log)?;
    if let Err(error) = probe().and_then(|origin| set(origin, &host)) {
        let help = format!("leave `{key}` out to use the URL's host");
        log.error(item.problem(error.to_string()).help(help));
    }
    Some(host)
}

pub(super) fn millis(
    section: &mut Section<'_>,
    key: &'static str,
    log: &mut Log,
) -> Option<Duration> {
    let number = section.take(key)?.integer(log)?;
    Some(Duration::from_millis(number))
}

fn health(section: &mut Section<'_>, log: &mut Log) -> Health {
    let Some((word, item)) = section.string("health", log) else {
        return Health::default();
    };
    let known = HEALTH
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(&word));
    if let Some((_, health)) = known {
        return *health;
    }
    let names: Vec<_> = HEALTH.iter().map(|(name, _)| *name).collect();
    let problem = item.problem(format!("`{word}` is not a state of health"));
    log.error(problem.suggest(&word, &names));
    Health::default()
}
