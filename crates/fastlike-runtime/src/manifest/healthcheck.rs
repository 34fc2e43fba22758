//! `[local_server.backends.<name>.healthcheck]`. The key is fastlike's own;
//! the names in it are those of the platform's API.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::Method;
use http::uri::PathAndQuery;

use super::backends::probe;
use super::problem::Log;
use super::raw::{Item, Section};
use crate::backend::{HealthCheck, Origin};
use crate::limits;

type Time = fn(&mut HealthCheck) -> &mut Duration;

const TIMES: &[(&str, Time)] = &[
    ("interval_ms", |check| &mut check.interval),
    ("timeout_ms", |check| &mut check.timeout),
];

/// The health check of a backend at `host`, which is empty if the backend's
/// URL is wrong.
pub(super) fn read(section: &mut Section<'_>, host: &str, log: &mut Log) -> Option<HealthCheck> {
    let mut section = section.section("healthcheck", log)?;
    let mut check = HealthCheck::new(if host.is_empty() { "localhost" } else { host });
    if let Some((host, item)) = section.string("host", log) {
        set(&mut check, &item, log, |check| check.host.clone_from(&host));
    }
    if let Some((word, item)) = section.string("method", log) {
        match Method::from_bytes(word.as_bytes()) {
            Ok(method) => set(&mut check, &item, log, |check| {
                check.method = method.clone();
            }),
            Err(_) => log.error(item.problem(format!("`{word}` is no method"))),
        }
    }
    if let Some((path, item)) = section.string("path", log) {
        match PathAndQuery::try_from(path.as_str()) {
            Ok(parsed) if path.starts_with('/') => set(&mut check, &item, log, |check| {
                check.path = parsed.clone();
            }),
            _ => log.error(item.problem(format!("`{path}` is no path: it begins with `/`"))),
        }
    }
    numbers(&mut section, &mut check, log);
    // What is wrong together only: the lengths of host and path.
    if let Err(error) = probe().and_then(|origin| origin.health_check(check.clone())) {
        log.error(section.problem(error.to_string()));
    }
    section.finish(log);
    Some(check)
}

fn numbers(section: &mut Section<'_>, check: &mut HealthCheck, log: &mut Log) {
    if let Some(item) = section.take("expected_status")
        && let Some(status) = item.integer(log)
    {
        // What is too large is no status, as 0 is none.
        let status = u16::try_from(status).unwrap_or(0);
        set(check, &item, log, |check| check.expected_status = status);
    }
    for (key, field) in TIMES {
        let Some(item) = section.take(key) else {
            continue;
        };
        if let Some(millis) = item.integer(log) {
            let time = Duration::from_millis(millis);
            set(check, &item, log, |check| *field(check) = time);
        }
    }
    let all = 1..=limits::HEALTH_WINDOW;
    check.window = count(section, "window", all, log).unwrap_or(check.window);
    // Defaults yield to a smaller window.
    let most = check.window;
    let threshold = count(section, "threshold", 1..=most, log);
    check.threshold = threshold.unwrap_or(check.threshold.min(most));
    let initial = count(section, "initial", 0..=most, log);
    check.initial = initial.unwrap_or(check.initial.min(most));
}

/// Takes what a key says into the check, unless it is wrong by itself.
fn set(check: &mut HealthCheck, item: &Item<'_>, log: &mut Log, change: impl Fn(&mut HealthCheck)) {
    let mut alone = HealthCheck::new("localhost");
    change(&mut alone);
    match probe().and_then(|origin| Origin::health_check(origin, alone)) {
        Ok(_) => change(check),
        Err(error) => log.error(item.problem(error.to_string())),
    }
}

/// How many of the probes. A wrong number is noted, and taken for the largest
/// so that nothing else is wrong because of it.
fn count(
    section: &mut Section<'_>,
    key: &'static str,
    allowed: RangeInclusive<u32>,
    log: &mut Log,
) -> Option<u32> {
    let item = section.take(key)?;
    let most = *allowed.end();
    let count = item.integer(log).map(u32::try_from);
    match count {
        Some(Ok(count)) if allowed.contains(&count) => return Some(count),
        Some(_) => {
            let (least, found) = (allowed.start(), item.describe());
            let whose = if key == "window" { "" } else { ", the window" };
            let what = format!("a number from {least} to {most}{whose}");
            log.error(item.problem(format!("expected {what}, found {found}")));
        }
        None => {}
    }
    Some(most)
}
