//! `[local_server.log_endpoints.<name>]`: where log lines go. The section is
//! fastlike's own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::header::{HeaderName, HeaderValue};

use super::problem::{Log, Problem};
use super::raw::{Item, Section};
use super::resolve::Files;
use crate::limits;
use crate::log::{
    HttpLog, LogEndpoint, LogFormat, LogTarget, SyslogLog, SyslogTransport, check_target,
    is_reserved,
};

const TYPES: &[&str] = &["stdout", "stderr", "file", "syslog", "tcp", "http"];

const FORMATS: &[&str] = &["raw", "json"];

const TRANSPORTS: &[&str] = &["udp", "tcp", "unix"];

/// Names of syslog's facilities in the order of their numbers (RFC 5424
/// section 6.2.1, by the names that `syslog.conf` gives them).
const FACILITIES: &[&str] = &[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "security", "console", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

/// The most that may be asked to wait: more is a mistake.
const MOST_LINES: u64 = 10_000_000;
const MOST_BYTES: u64 = 4 * 1024 * 1024 * 1024;

pub(super) fn read(
    local: &mut Section<'_>,
    files: &Files,
    log: &mut Log,
) -> BTreeMap<String, LogEndpoint> {
    let mut endpoints = BTreeMap::new();
    let Some(mut section) = local.section("log_endpoints", log) else {
        return endpoints;
    };
    for item in section.take_all() {
        let name = item.name().to_owned();
        if name.is_empty() || name.len() > limits::LOG_NAME {
            let most = limits::LOG_NAME;
            log.error(item.problem_at_key(format!("a log endpoint's name has 1 to {most} bytes")));
        } else if is_reserved(&name) {
            log.error(item.problem_at_key("no program can open an endpoint of this name"));
        }
        if let Some(endpoint) = endpoint(item, files, log) {
            endpoints.insert(name, endpoint);
        }
    }
    endpoints
}

fn endpoint(item: Item<'_>, files: &Files, log: &mut Log) -> Option<LogEndpoint> {
    let mut section = item.section(log)?;
    let kind = section.string("type", log);
    if kind.is_none() && !section.rest().iter().any(|item| item.name() == "type") {
        let types = TYPES.join(", ");
        log.error(
            section
                .problem("`type` is missing")
                .help(format!("one of: {types}")),
        );
    }
    let target = kind.and_then(|(word, item)| match word.as_str() {
        "stdout" => Some(LogTarget::Stdout),
        "stderr" => Some(LogTarget::Stderr),
        "file" => file(&mut section, files, log).map(LogTarget::File),
        "tcp" => address(&mut section, log).map(LogTarget::Tcp),
        "syslog" => syslog(&mut section, log).map(LogTarget::Syslog),
        "http" => http(&mut section, log).map(LogTarget::Http),
        _ => {
            let problem = item.problem(format!("`{word}` is no type of log endpoint"));
            log.error(problem.suggest(&word, TYPES));
            None
        }
    });
    let format = word(&mut section, "format", FORMATS, log).map(|number| match number {
        0 => LogFormat::Raw,
        _ => LogFormat::Json,
    });
    let lines = within(&mut section, "queue_lines", MOST_LINES, log);
    let bytes = within(&mut section, "queue_bytes", MOST_BYTES, log);
    section.finish(log);
    let mut endpoint = LogEndpoint::new(target?).format(format.unwrap_or_default());
    endpoint.queue_lines = lines.unwrap_or(endpoint.queue_lines);
    endpoint.queue_bytes = bytes.unwrap_or(endpoint.queue_bytes);
    Some(endpoint)
}

/// Which of the words it is, if it is given and one of them.
fn word(
    section: &mut Section<'_>,
    key: &'static str,
    words: &[&str],
    log: &mut Log,
) -> Option<usize> {
    let (word, item) = section.string(key, log)?;
    let place = words.iter().position(|known| *known == word);
    if place.is_none() {
        let problem = item.problem(format!("`{word}` is no {key}"));
        log.error(problem.suggest(&word, words));
    }
    place
}

fn within(section: &mut Section<'_>, key: &'static str, most: u64, log: &mut Log) -> Option<usize> {
    let item = section.take(key)?;
    let number = item.integer(log)?;
    if !(1..=most).contains(&number) {
        log.error(item.problem(format!("{number} is not from 1 to {most}")));
    }
    usize::try_from(number).ok()
}

fn missing(section: &Section<'_>, key: &str, example: &str, log: &mut Log) {
    let problem = section.problem(format!("`{key}` is missing"));
    log.error(problem.help(format!("write `{key} = \"{example}\"` below it")));
}

/// The file beside the manifest, if its folder is there, else that of the
/// working directory.
fn file(section: &mut Section<'_>, files: &Files, log: &mut Log) -> Option<PathBuf> {
    let Some(item) = section.take("path") else {
        missing(section, "path", "logs/access.log", log);
        return None;
    };
    files.place(&item, log)
}

fn address(section: &mut Section<'_>, log: &mut Log) -> Option<String> {
    let Some((address, item)) = section.string("address", log) else {
        missing(section, "address", "localhost:514", log);
        return None;
    };
    checked(
        &LogTarget::Tcp(address.clone()),
        |why| item.problem(why),
        log,
    )
    .then_some(address)
}

/// Notes what is wrong with a target.
fn checked(target: &LogTarget, at: impl Fn(String) -> Problem, log: &mut Log) -> bool {
    match check_target(target) {
        Ok(()) => true,
        Err(error) => {
            log.error(at(error.to_string()));
            false
        }
    }
}

fn syslog(section: &mut Section<'_>, log: &mut Log) -> Option<SyslogLog> {
    let mut settings = SyslogLog::default();
    let transport = match word(section, "transport", TRANSPORTS, log) {
        Some(1) => address(section, log).map(SyslogTransport::Tcp),
        Some(2) => {
            let path = section.string("path", log);
            path.map(|(path, _)| SyslogTransport::Unix(path.into()))
                .or(Some(settings.transport.clone()))
        }
        _ => address(section, log).map(SyslogTransport::Udp),
    };
    if let Some(number) = word(section, "facility", FACILITIES, log) {
        settings.facility = u8::try_from(number).unwrap_or(settings.facility);
    }
    for (key, field) in [
        ("hostname", &mut settings.hostname),
        ("app_name", &mut settings.app_name),
    ] {
        if let Some((text, item)) = section.string(key, log) {
            if text.is_empty() || text.len() > 48 || !text.bytes().all(|b| b.is_ascii_graphic()) {
                log.error(item.problem("it has 1 to 48 visible ASCII characters"));
            }
            *field = text;
        }
    }
    settings.transport = transport?;
    Some(settings)
}

fn http(section: &mut Section<'_>, log: &mut Log) -> Option<HttpLog> {
    let url = section.string("url", log);
    if url.is_none() {
        missing(section, "url", "https://logs.example.com/in", log);
    }
    let mut headers = http::HeaderMap::new();
    if let Some(mut table) = section.section("headers", log) {
        for item in table.take_all() {
            let name = HeaderName::from_bytes(item.name().as_bytes());
            let Ok(name) = name else {
                log.error(item.problem_at_key("this cannot be the name of a header"));
                continue;
            };
            let Some(value) = item.string(log) else {
                continue;
            };
            match HeaderValue::try_from(value) {
                Ok(value) => drop(headers.insert(name, value)),
                Err(_) => log.error(item.problem("a header cannot hold this")),
            }
        }
    }
    let (url, item) = url?;
    let target = HttpLog { url, headers };
    let good = checked(
        &LogTarget::Http(target.clone()),
        |why| item.problem(why),
        log,
    );
    good.then_some(target)
}
