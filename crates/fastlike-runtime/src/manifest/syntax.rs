//! What is wrong with a file that is no TOML.

use std::ops::Range;
use std::path::Path;

use toml::de::DeTable;

use super::problem::{Log, Problem};
use super::raw::Section;
use super::secrets::{star_out, star_out_broken};
use super::source::Source;

/// Syntax errors that are shown: one mistake makes several, and the first are
/// nearest to it.
pub(super) const SHOWN: usize = 3;

/// Parts of a key that the parser reads.
pub(super) const KEY_PARTS: usize = 80;

/// What the parser says of a second key or table of one name.
const DUPLICATE: &str = "duplicate key";

/// What the parser says, without a place, of a key with too many parts.
const DEEP: &str = "recursion limit";

/// Parses the whole text. The first of its syntax errors are noted; with any
/// of them there is nothing to walk.
pub(super) fn document<'a>(source: &'a Source, log: &mut Log) -> Option<Section<'a>> {
    let (table, errors) = DeTable::parse_recoverable(source.text());
    if errors.is_empty() {
        source.show(star_out(source.text(), table.get_ref()));
        return Some(Section::top(source, table.into_inner()));
    }
    source.show(star_out_broken(source.text(), table.get_ref()));
    let mut faults: Vec<Fault> = errors
        .iter()
        .map(|error| Fault::new(source, error))
        .collect();
    faults.sort_by_key(|fault| fault.span.start);
    drop_repeated(source.text(), &mut faults);
    let more = faults.len().saturating_sub(SHOWN);
    for (n, fault) in faults.into_iter().take(SHOWN + 1).enumerate() {
        log.error(match (n, more) {
            (SHOWN, 1) => source.problem(fault.span, "", "1 more syntax error".to_owned()),
            (SHOWN, _) => {
                let message = format!("{more} more syntax errors from here on");
                source.problem(fault.span, "", message)
            }
            _ => fault.problem(source),
        });
    }
    None
}

/// The problem of a file that is no UTF-8; it is from the byte at `at` on.
pub(super) fn not_utf8(path: &Path, bytes: &[u8], at: usize) -> Problem {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let problem = if utf16 {
        let source = Source::hidden(path.to_owned(), text);
        source.problem(0..2, "", "the file is UTF-16 and not UTF-8 text".to_owned())
    } else {
        let (table, _) = DeTable::parse_recoverable(&text);
        let shown = star_out_broken(&text, table.get_ref());
        let source = Source::new(path.to_owned(), text);
        source.show(shown);
        let message = "the file is not UTF-8 text: it has another byte here";
        source.problem(at..at.saturating_add(1), "", message.to_owned())
    };
    problem.help("save it as UTF-8")
}

/// One syntax error.
struct Fault {
    span: Range<usize>,
    message: String,
}

impl Fault {
    fn new(source: &Source, error: &toml::de::Error) -> Self {
        let message = error.message().to_owned();
        match error.span() {
            Some(span) => Self { span, message },
            None if message == DEEP => Self {
                span: deep_key(source.text()),
                message: format!("a key has at most {KEY_PARTS} parts"),
            },
            None => Self {
                span: 0..0,
                message,
            },
        }
    }

    fn is_duplicate(&self) -> bool {
        self.message == DUPLICATE
    }

    fn problem(self, source: &Source) -> Problem {
        if !self.is_duplicate() {
            return source.problem(self.span, "", self.message);
        }
        let (message, first) = duplicate(source, &self.span);
        let problem = source.problem(self.span, "", message);
        match first {
            Some(line) => problem.help(format!("the first one is in line {line}")),
            None => problem,
        }
    }
}

/// The message of a second key or table, and the line of the first.
fn duplicate(source: &Source, span: &Range<usize>) -> (String, Option<usize>) {
    let (before, line) = around(source.text(), span.start);
    if let Some(name) = table_name(line) {
        let first = line_where(before, |other| table_name(other) == Some(name));
        // Elsewhere than below it, a line in brackets may be a list of secrets.
        return match name.starts_with("local_server.") {
            true => (format!("duplicate table `{name}`"), first),
            false => ("duplicate table".to_owned(), first),
        };
    }
    let (text, shown) = (source.text(), source.shown());
    let name = text.get(span.clone()).unwrap_or_default();
    let after = text.get(span.end..).unwrap_or_default();
    let is_key = after.trim_start().starts_with('=');
    if !is_key || name.is_empty() || shown.get(span.clone()) != Some(name) {
        return (DUPLICATE.to_owned(), None);
    }
    let section = before.rfind("\n[").map_or(0, |at| at.saturating_add(1));
    let is_it = |other: &str| {
        let value = other.trim_start().strip_prefix(name).map(str::trim_start);
        value.is_some_and(|value| value.starts_with('='))
    };
    let here = before.get(section..).unwrap_or_default();
    let above = before.get(..section).unwrap_or_default();
    let first = line_where(here, is_it).map(|line| line + above.matches('\n').count());
    (format!("{DUPLICATE} `{name}`"), first)
}

/// A second table of one name repeats each of its keys, which is said once.
fn drop_repeated(text: &str, faults: &mut Vec<Fault>) {
    let mut repeated = 0..0;
    faults.retain(|fault| {
        if !fault.is_duplicate() {
            return true;
        }
        if repeated.contains(&fault.span.start) {
            return false;
        }
        if table_name(around(text, fault.span.start).1).is_some() {
            let rest = text.get(fault.span.start..).unwrap_or_default();
            let length = rest.find("\n[").unwrap_or(rest.len());
            repeated = fault.span.start + 1..fault.span.start + length;
        }
        true
    });
}

/// The text before the line of a place, and that line.
fn around(text: &str, at: usize) -> (&str, &str) {
    let start = text.get(..at).and_then(|before| before.rfind('\n'));
    let (before, rest) = text
        .split_at_checked(start.map_or(0, |at| at + 1))
        .unwrap_or_default();
    (before, rest.lines().next().unwrap_or_default())
}

/// What a line such as `[local_server.env]` or `[[…]]` calls its table.
fn table_name(line: &str) -> Option<&str> {
    let name = line.trim_start().strip_prefix('[')?;
    let (name, _) = name.trim_start_matches('[').split_once(']')?;
    Some(name.trim())
}

/// The number, from 1, of the first line that is meant.
fn line_where(text: &str, is_it: impl Fn(&str) -> bool) -> Option<usize> {
    text.lines().position(is_it).map(|line| line + 1)
}

/// The first line with a key of more parts than the parser reads, as far as
/// its dots tell.
fn deep_key(text: &str) -> Range<usize> {
    let mut start = 0_usize;
    for line in text.split_inclusive('\n') {
        let key = line.split('=').next().unwrap_or_default();
        if key.matches('.').count() >= KEY_PARTS {
            return start..start.saturating_add(key.trim_end().len());
        }
        start = start.saturating_add(line.len());
    }
    0..0
}
