//! How the connections to `[local_server.backends.<name>]` are made and kept.
//! The keys are fastlike's own; their names are those of the platform's API.

use std::time::Duration;

use super::problem::Log;
use super::raw::{Item, Section};
use crate::backend::{Origin, OriginError, TcpKeepalive, TlsVersion, unknown_ciphers};

const VERSIONS: &[(&str, TlsVersion)] = &[
    ("1.0", TlsVersion::Tls1_0),
    ("1.1", TlsVersion::Tls1_1),
    ("1.2", TlsVersion::Tls1_2),
    ("1.3", TlsVersion::Tls1_3),
];

/// What a backend's connections are like; what is not given has its default.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ConnectionSettings {
    /// `sni_hostname`: the name that the handshake sends, if not the one that
    /// the certificate must bear.
    pub sni_hostname: Option<String>,
    /// `ssl_min_version`: the lowest TLS version to offer.
    pub ssl_min_version: Option<TlsVersion>,
    /// `ssl_max_version`: the highest TLS version to offer.
    pub ssl_max_version: Option<TlsVersion>,
    /// `ciphers`: the suites for TLS 1.2, as an OpenSSL list.
    pub ciphers: Option<String>,
    /// `http2`: whether HTTP/2 is proposed over TLS.
    pub http2: Option<bool>,
    /// `prefer_ipv6`: which addresses of the host are tried first.
    pub prefer_ipv6: Option<bool>,
    /// `pooling`: whether connections are used for more than one request.
    pub pooling: Option<bool>,
    /// `max_connections` at a time; zero is any number.
    pub max_connections: Option<u32>,
    /// `max_use`: requests on one connection; zero is any number.
    pub max_use: Option<u32>,
    /// `max_lifetime_ms` of a connection that is used again; zero is any time.
    pub max_lifetime: Option<Duration>,
    /// `http_keepalive_time_ms`: how long idle connections are kept.
    pub http_keepalive_time: Option<Duration>,
    /// `tcp_keepalive`: the probes, if there are to be any.
    pub tcp_keepalive: Option<TcpKeepalive>,
}

impl ConnectionSettings {
    pub(super) fn apply(&self, mut origin: Origin) -> Result<Origin, OriginError> {
        if let Some(name) = &self.sni_hostname {
            origin = origin.sni_name(name)?;
        }
        if let Some(version) = self.ssl_min_version {
            origin = origin.tls_min(version)?;
        }
        if let Some(version) = self.ssl_max_version {
            origin = origin.tls_max(version)?;
        }
        if let Some(list) = &self.ciphers {
            origin = origin.ciphers(list)?;
        }
        if let Some(yes) = self.http2 {
            origin = origin.http2(yes);
        }
        if let Some(yes) = self.prefer_ipv6 {
            origin = origin.prefer_ipv4(!yes);
        }
        if let Some(yes) = self.pooling {
            origin = origin.pooling(yes);
        }
        if let Some(count) = self.max_connections {
            origin = origin.max_connections(count);
        }
        if let Some(count) = self.max_use {
            origin = origin.max_use(count);
        }
        if let Some(time) = self.max_lifetime {
            origin = origin.max_lifetime(time);
        }
        if let Some(time) = self.http_keepalive_time {
            origin = origin.keepalive_time(time);
        }
        if let Some(keepalive) = self.tcp_keepalive {
            origin = origin.tcp_keepalive(keepalive);
        }
        Ok(origin)
    }
}

pub(super) fn read(section: &mut Section<'_>, log: &mut Log) -> ConnectionSettings {
    let sni_hostname = super::backends::host(section, "sni_hostname", Origin::sni_name, log);
    let min = version(section, "ssl_min_version", log);
    let max = version(section, "ssl_max_version", log);
    let ciphers = ciphers(section, log);
    let settings = ConnectionSettings {
        sni_hostname,
        ssl_min_version: min.as_ref().map(|(version, _)| *version),
        ssl_max_version: max.as_ref().map(|(version, _)| *version),
        ciphers: ciphers.as_ref().map(|(list, _)| list.clone()),
        http2: section.boolean("http2", log),
        prefer_ipv6: section.boolean("prefer_ipv6", log),
        pooling: section.boolean("pooling", log),
        max_connections: number(section, "max_connections", log),
        max_use: number(section, "max_use", log),
        max_lifetime: super::backends::millis(section, "max_lifetime_ms", log),
        http_keepalive_time: super::backends::millis(section, "http_keepalive_time_ms", log),
        tcp_keepalive: tcp_keepalive(section, log),
    };
    // What is wrong together only, such as versions that exclude each other.
    let together = ConnectionSettings {
        sni_hostname: None,
        ..settings.clone()
    };
    if let Err(error) = super::backends::probe().and_then(|origin| together.apply(origin)) {
        let versions = max.or(min).map(|(_, item)| item);
        let item = match error {
            OriginError::Ciphers(_) => ciphers.map(|(_, item)| item),
            _ => versions,
        };
        log.error(match item {
            Some(item) => item.problem(error.to_string()),
            None => section.problem(error.to_string()),
        });
    }
    settings
}

/// The list, if OpenSSL knows a word of it. It passes over the others, which
/// is no help to whoever wrote them.
fn ciphers<'a>(section: &mut Section<'a>, log: &mut Log) -> Option<(String, Item<'a>)> {
    let (list, item) = section.string("ciphers", log)?;
    let (unknown, count) = unknown_ciphers(&list);
    if unknown.is_empty() {
        return Some((list, item));
    }
    let verb = if unknown.len() == 1 { "names" } else { "name" };
    let message = format!("`{}` {verb} no cipher suite", unknown.join("`, `"));
    let help = "write names as ECDHE-RSA-AES128-GCM-SHA256 or groups as HIGH, with `:` between";
    let problem = item.problem(message).help(help);
    if unknown.len() == count {
        log.error(problem);
        return None;
    }
    log.warn(problem);
    Some((list, item))
}

fn version<'a>(
    section: &mut Section<'a>,
    key: &'static str,
    log: &mut Log,
) -> Option<(TlsVersion, Item<'a>)> {
    let (word, item) = section.string(key, log)?;
    let known = VERSIONS.iter().find(|(name, _)| *name == word);
    if known.is_none() {
        let problem = item.problem(format!("`{word}` is no TLS version"));
        log.error(problem.help("write \"1.0\", \"1.1\", \"1.2\" or \"1.3\""));
    }
    known.map(|(_, version)| (*version, item))
}

pub(super) fn number(section: &mut Section<'_>, key: &'static str, log: &mut Log) -> Option<u32> {
    let item = section.take(key)?;
    let number = item.integer(log)?;
    u32::try_from(number)
        .ok()
        .or_else(|| item.expected("a number below 2^32", log))
}

fn tcp_keepalive(section: &mut Section<'_>, log: &mut Log) -> Option<TcpKeepalive> {
    let mut section = section.section("tcp_keepalive", log)?;
    let mut seconds = |key| {
        let number = number(&mut section, key, log).unwrap_or_default();
        Duration::from_secs(number.into())
    };
    let (time, interval) = (seconds("time_secs"), seconds("interval_secs"));
    let probes = number(&mut section, "probes", log).unwrap_or_default();
    section.finish(log);
    Some(TcpKeepalive {
        time,
        interval,
        probes,
    })
}
