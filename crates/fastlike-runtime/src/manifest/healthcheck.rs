//! `[local_server.backends.<name>.healthcheck]`. The key is fastlike's own;
//! the names in it are those of the platform's API.

use http::Method;
use http::uri::PathAndQuery;

use super::connections::number;
use super::problem::Log;
use super::raw::Section;
use crate::backend::{HealthCheck, Origin};

/// The health check of a backend at `host`.
pub(super) fn read(section: &mut Section<'_>, host: &str, log: &mut Log) -> Option<HealthCheck> {
    let mut section = section.section("healthcheck", log)?;
    let given = section.string("host", log);
    let mut check = HealthCheck::new(given.map_or_else(|| host.to_owned(), |(host, _)| host));
    if let Some((word, item)) = section.string("method", log) {
        match Method::from_bytes(word.as_bytes()) {
            Ok(method) => check.method = method,
            Err(_) => log.error(item.problem(format!("`{word}` is no method"))),
        }
    }
    if let Some((path, item)) = section.string("path", log) {
        match PathAndQuery::try_from(path.as_str()) {
            Ok(parsed) if path.starts_with('/') => check.path = parsed,
            _ => log.error(item.problem(format!("`{path}` is no path: it begins with `/`"))),
        }
    }
    if let Some(item) = section.take("expected_status")
        && let Some(status) = item.integer(log)
    {
        // What is no status is told with the other limits.
        check.expected_status = u16::try_from(status).unwrap_or(0);
    }
    if let Some(time) = super::backends::millis(&mut section, "interval_ms", log) {
        check.interval = time;
    }
    if let Some(time) = super::backends::millis(&mut section, "timeout_ms", log) {
        check.timeout = time;
    }
    for (key, field) in [
        ("window", &mut check.window),
        ("threshold", &mut check.threshold),
        ("initial", &mut check.initial),
    ] {
        if let Some(count) = number(&mut section, key, log) {
            *field = count;
        }
    }
    let probe = super::backends::probe();
    if let Err(error) = probe.and_then(|origin| Origin::health_check(origin, check.clone())) {
        log.error(section.problem(error.to_string()));
    }
    section.finish(log);
    Some(check)
}
