//! What a message becomes on its way to a target.

use std::time::SystemTime;

use bytes::Bytes;
use serde::Serialize;

use super::endpoint::{LogFormat, SyslogLog};
use super::time::timestamp;

/// The facility of programs of the machine's owner, `local0` (RFC 5424 section
/// 6.2.1), is the default; each line is `informational`.
const INFORMATIONAL: u32 = 6;

/// Characters of a syslog message's id (RFC 5424 section 6).
const MESSAGE_ID: usize = 32;

/// A message without the line break that ends it; nothing if nothing is left.
pub(crate) fn without_end(message: &[u8]) -> Option<&[u8]> {
    let message = message.strip_suffix(b"\n").unwrap_or(message);
    (!message.is_empty()).then_some(message)
}

/// One line, without its end.
pub(super) fn line(format: LogFormat, endpoint: &str, message: &[u8], now: SystemTime) -> Vec<u8> {
    match format {
        LogFormat::Raw => escaped(message),
        LogFormat::Json => json(endpoint, message, now),
    }
}

/// The message with its line breaks as `\n`, as the platform writes them.
fn escaped(message: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(message.len() + 1);
    let mut pieces = message.split(|byte| *byte == b'\n');
    line.extend_from_slice(pieces.next().unwrap_or_default());
    for piece in pieces {
        line.extend_from_slice(br"\n");
        line.extend_from_slice(piece);
    }
    line
}

fn json(endpoint: &str, message: &[u8], now: SystemTime) -> Vec<u8> {
    #[derive(Serialize)]
    struct Line<'a> {
        timestamp: &'a str,
        endpoint: &'a str,
        message: &'a str,
    }
    let line = Line {
        timestamp: &timestamp(now),
        endpoint,
        message: &String::from_utf8_lossy(message),
    };
    // Text has a form in JSON, always.
    serde_json::to_vec(&line).unwrap_or_default()
}

/// A line as a message of syslog (RFC 5424 section 6).
pub(super) fn syslog(settings: &SyslogLog, endpoint: &str, line: &[u8], now: SystemTime) -> Bytes {
    let priority = u32::from(settings.facility) * 8 + INFORMATIONAL;
    let id: String = endpoint
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '_' })
        .take(MESSAGE_ID)
        .collect();
    let head = format!(
        "<{priority}>1 {} {} {} {} {id} - ",
        timestamp(now),
        settings.hostname,
        settings.app_name,
        std::process::id(),
    );
    [head.as_bytes(), line].concat().into()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_is_in_it() {
        let raw = |message: &[u8]| line(LogFormat::Raw, "e", message, UNIX_EPOCH);
        assert_eq!(raw(b"one"), b"one");
        assert_eq!(raw(b"\ntwo\n\nlines\n"), br"\ntwo\n\nlines\n");
        assert_eq!(raw(b"\xff\\n"), b"\xff\\n");
        assert_eq!(without_end(b"a\n\n"), Some(&b"a\n"[..]));
        assert_eq!((without_end(b"\n"), without_end(b"")), (None, None));
    }

    #[test]
    fn a_line_of_json_says_when_where_and_what() {
        let line = line(LogFormat::Json, "a \"b\"", b"x\n\xff", UNIX_EPOCH);
        assert_eq!(
            String::from_utf8(line).expect("text"),
            r#"{"timestamp":"1970-01-01T00:00:00.000Z","endpoint":"a \"b\"","message":"x\n�"}"#
        );
    }

    #[test]
    fn a_syslog_message_has_every_field_of_its_header() {
        let settings = SyslogLog {
            facility: 16,
            hostname: "edge".to_owned(),
            app_name: "shop".to_owned(),
            ..SyslogLog::default()
        };
        let line = syslog(
            &settings,
            &format!("my log{}", "x".repeat(40)),
            b"hello",
            UNIX_EPOCH,
        );
        let expected = format!(
            "<134>1 1970-01-01T00:00:00.000Z edge shop {} my_log{} - hello",
            std::process::id(),
            "x".repeat(26)
        );
        assert_eq!(String::from_utf8_lossy(&line), expected);
    }
}
