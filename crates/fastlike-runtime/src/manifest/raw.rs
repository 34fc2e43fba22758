//! The file as it is written: a walk over its tables that remembers where
//! everything stands and which keys nobody asked for.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Log, Problem};

/// Bytes of a line that is shown whole.
const LONG_LINE: usize = 400;

/// Tables whose values are secrets, which no message may show, but for those
/// of the keys in [`is_open`].
const SECRET: &[&str] = &[
    "client_certificate",
    "env_vars",
    "secret_stores",
    "env",
    "headers",
    "fake_valid_fastly_keys",
];

/// True for keys of such tables whose values are no secrets: paths, names of
/// variables, and what a secret store calls its secrets.
fn is_open(table: &str, key: &str) -> bool {
    let named = table == "secret_stores" && matches!(key, "key" | "env" | "format");
    named || key == "file" || key.ends_with("_file")
}

/// A file's text, and how to point into it.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    text: String,
    /// The text with every secret starred out; its bytes stand where those of
    /// `text` do.
    shown: OnceCell<String>,
}

impl Source {
    pub(super) fn new(path: PathBuf, text: String) -> Self {
        Self {
            path,
            text,
            shown: OnceCell::new(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// A problem with the bytes at `span`; of several lines the first is
    /// shown, and of a very long one the part around it.
    pub(super) fn problem(&self, span: Range<usize>, key_path: &str, message: String) -> Problem {
        let text = self.shown.get().unwrap_or(&self.text);
        let start = text.floor_char_boundary(span.start);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = text.get(line_start..).unwrap_or_default();
        let whole_line = rest.lines().next().unwrap_or_default();
        let offset = (start - line_start).min(whole_line.len());
        let end = whole_line.floor_char_boundary(span.end.max(start) - line_start);
        let shown = window(whole_line, offset);
        let source_line = whole_line.get(shown.clone()).unwrap_or_default();
        let (offset, end) = (offset - shown.start, end.min(shown.end) - shown.start);
        Problem {
            file: self.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            span,
            source_line: source_line.to_owned(),
            mark: offset..end.max(offset),
            key_path: key_path.to_owned(),
            message,
            help: None,
        }
    }

    /// Where the line and column (both from 1, the column in bytes) are.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let start: usize = self
            .text
            .split_inclusive('\n')
            .take(line.saturating_sub(1))
            .map(str::len)
            .sum();
        start
            .saturating_add(column.saturating_sub(1))
            .min(self.text.len())
    }
}

/// The part of a line that is shown if the byte at `offset` is meant: all of
/// it, unless it is as long as those that programs write.
fn window(line: &str, offset: usize) -> Range<usize> {
    if line.len() <= LONG_LINE {
        return 0..line.len();
    }
    let start = line.floor_char_boundary(offset.saturating_sub(LONG_LINE / 4));
    start..line.floor_char_boundary(start + LONG_LINE)
}

/// Parses the whole text. All of its syntax errors are noted; with any of
/// them there is nothing to walk.
pub(super) fn document<'a>(source: &'a Source, log: &mut Log) -> Option<Section<'a>> {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in &errors {
        let span = error.span().unwrap_or_default();
        log.error(source.problem(span, "", error.message().to_owned()));
    }
    if !errors.is_empty() {
        return None;
    }
    source
        .shown
        .get_or_init(|| star_out(&source.text, table.get_ref()));
    Some(Section::new(
        source,
        String::new(),
        0..0,
        table.into_inner(),
    ))
}

/// The text with the strings of secret tables starred out, byte by byte.
fn star_out(text: &str, table: &DeTable<'_>) -> String {
    fn secrets(table: &DeTable<'_>, inside: &str, found: &mut Vec<Range<usize>>) {
        for (key, value) in table {
            let key = key.get_ref().as_ref();
            let inside = match inside {
                "" if SECRET.contains(&key) => key,
                // Something else may be called so, and hold anything.
                _ if is_open(inside, key) && value.get_ref().is_str() => "",
                _ => inside,
            };
            secret(value, inside, found);
        }
    }
    fn secret(value: &Spanned<DeValue<'_>>, inside: &str, found: &mut Vec<Range<usize>>) {
        match value.get_ref() {
            DeValue::Table(table) => secrets(table, inside, found),
            DeValue::Array(array) => array.iter().for_each(|value| secret(value, inside, found)),
            DeValue::String(text) if has_password(text) => found.push(value.span()),
            _ if !inside.is_empty() => found.push(value.span()),
            _ => {}
        }
    }
    let mut found = Vec::new();
    secrets(table, "", &mut found);
    found.sort_by_key(|span| span.start);
    let mut shown = String::with_capacity(text.len());
    for span in found {
        shown.push_str(text.get(shown.len()..span.start).unwrap_or_default());
        let stars = text
            .get(span)
            .unwrap_or_default()
            .bytes()
            .map(|b| if b == b'\n' { '\n' } else { '*' });
        shown.extend(stars);
    }
    shown.push_str(text.get(shown.len()..).unwrap_or_default());
    shown
}

/// Whether a text may be a URL with a password in it.
fn has_password(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(_, rest)| rest.contains('@'))
}

/// A table on its way to be read: each key is taken out by name, and
/// [`Section::finish`] warns of those that are left.
#[derive(Debug)]
pub(super) struct Section<'a> {
    source: &'a Source,
    path: String,
    header: Range<usize>,
    left: Vec<Item<'a>>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    fn new(source: &'a Source, path: String, header: Range<usize>, table: DeTable<'a>) -> Self {
        let prefix = path.clone();
        let item = |(key, value): (Spanned<Cow<'a, str>>, Spanned<DeValue<'a>>)| {
            let (key_span, name) = (key.span(), key.into_inner());
            Item {
                source,
                path: join(&prefix, &name),
                name,
                key_span,
                value,
            }
        };
        let mut left: Vec<_> = table.into_iter().map(item).collect();
        // The map is sorted by name; people read their file from the top.
        left.sort_by_key(Item::start);
        Self {
            source,
            path,
            header,
            left,
            known: Vec::new(),
        }
    }

    /// The item under `key`, if there is one.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Item<'a>> {
        self.known.push(key);
        let at = self.left.iter().position(|item| item.name == key)?;
        Some(self.left.remove(at))
    }

    /// Accepts `key` without looking at it.
    pub(super) fn skip(&mut self, key: &'static str) {
        self.take(key);
    }

    /// Everything not yet taken, for tables whose keys are the user's names.
    pub(super) fn take_all(&mut self) -> Vec<Item<'a>> {
        std::mem::take(&mut self.left)
    }

    /// What nobody has taken yet.
    pub(super) fn rest(&self) -> &[Item<'a>] {
        &self.left
    }

    /// The table under `key`.
    pub(super) fn section(&mut self, key: &'static str, log: &mut Log) -> Option<Section<'a>> {
        self.take(key)?.section(log)
    }

    /// The string under `key`, with its item to point at.
    pub(super) fn string(
        &mut self,
        key: &'static str,
        log: &mut Log,
    ) -> Option<(String, Item<'a>)> {
        let item = self.take(key)?;
        Some((item.string(log)?, item))
    }

    /// The boolean under `key`.
    pub(super) fn boolean(&mut self, key: &'static str, log: &mut Log) -> Option<bool> {
        let item = self.take(key)?;
        item.value
            .get_ref()
            .as_bool()
            .or_else(|| item.expected("`true` or `false`", log))
    }

    /// A problem of the table as a whole, as a missing key is.
    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        self.source
            .problem(self.header.clone(), &self.path, message.into())
    }

    /// Where the table begins, as a line.
    pub(super) fn line(&self) -> usize {
        self.problem("").line
    }

    /// Warns of each key that nobody asked for.
    pub(super) fn finish(self, log: &mut Log) {
        for item in &self.left {
            log.warn(
                item.problem_at_key("unknown key, ignored")
                    .suggest(&item.name, &self.known),
            );
        }
    }
}

/// One key with its value.
#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    source: &'a Source,
    path: String,
    name: Cow<'a, str>,
    key_span: Range<usize>,
    value: Spanned<DeValue<'a>>,
}

impl<'a> Item<'a> {
    /// The key alone.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The key with those of its tables.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The value.
    pub(super) fn value(&self) -> &DeValue<'a> {
        self.value.get_ref()
    }

    /// Where it stands, for an order.
    pub(super) fn start(&self) -> usize {
        self.key_span.start
    }

    /// A problem with the value.
    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        // The span of a table that has a header is its whole header; the name
        // in it is what is meant.
        let span = if self.has_header() {
            self.key_span.clone()
        } else {
            self.value.span()
        };
        self.source.problem(span, &self.path, message.into())
    }

    /// A problem with the key.
    pub(super) fn problem_at_key(&self, message: impl Into<String>) -> Problem {
        self.source
            .problem(self.key_span.clone(), &self.path, message.into())
    }

    /// Notes that the value is not what it must be.
    pub(super) fn expected<T>(&self, what: &str, log: &mut Log) -> Option<T> {
        log.error(self.problem(format!("expected {what}, found {}", self.describe())));
        None
    }

    /// The value as a message calls it.
    pub(super) fn describe(&self) -> String {
        let kind = self.value.get_ref().type_str();
        match self.scalar() {
            Some(text) if !self.is_secret() => format!("{kind} `{text}`"),
            _ => match kind {
                "array" | "integer" => format!("an {kind}"),
                _ => format!("a {kind}"),
            },
        }
    }

    /// Whether the value is starred out where its line is shown.
    fn is_secret(&self) -> bool {
        let shown = self.source.shown.get();
        let value = shown.and_then(|shown| shown.get(self.value.span()));
        value.is_some_and(|value| value.bytes().all(|b| matches!(b, b'*' | b'\n')))
    }

    /// A string, number or boolean as text.
    pub(super) fn scalar(&self) -> Option<String> {
        match self.value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(number) => Some(number.to_string()),
            DeValue::Float(number) => Some(number.to_string()),
            DeValue::Boolean(yes) => Some(yes.to_string()),
            DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
        }
    }

    /// The value as a string.
    pub(super) fn string(&self, log: &mut Log) -> Option<String> {
        self.value
            .get_ref()
            .as_str()
            .map(str::to_owned)
            .or_else(|| self.expected("a string", log))
    }

    /// The value as a whole number, zero or more.
    pub(super) fn integer(&self, log: &mut Log) -> Option<u64> {
        let number = self.value.get_ref().as_integer();
        number
            .and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok())
            .or_else(|| self.expected("a whole number, zero or more", log))
    }

    /// The value as a table.
    pub(super) fn section(self, log: &mut Log) -> Option<Section<'a>> {
        let (source, header) = (self.source, self.header());
        if !self.value.get_ref().is_table() {
            return self.expected("a table", log);
        }
        let DeValue::Table(table) = self.value.into_inner() else {
            return None;
        };
        Some(Section::new(source, self.path, header, table))
    }

    /// The values of an array, each with the array's path and its number.
    /// Of anything else, none.
    pub(super) fn elements(self) -> Vec<Item<'a>> {
        let (source, path) = (self.source, self.path);
        let DeValue::Array(array) = self.value.into_inner() else {
            return Vec::new();
        };
        let element = |(n, value): (usize, Spanned<DeValue<'a>>)| Item {
            source,
            path: format!("{path}[{n}]"),
            name: Cow::Owned(n.to_string()),
            key_span: value.span(),
            value,
        };
        array.into_iter().enumerate().map(element).collect()
    }

    /// What to show for the table as a whole: its header, or its key if it is
    /// written inline.
    fn header(&self) -> Range<usize> {
        if self.has_header() {
            self.value.span()
        } else {
            self.key_span.clone()
        }
    }

    /// Written as `[table]`, whose span is the header with the name in it.
    fn has_header(&self) -> bool {
        self.value.span().contains(&self.key_span.start)
    }
}

/// `path.name`, with quotes where TOML needs them.
fn join(path: &str, name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let name = if bare {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("{name:?}"))
    };
    if path.is_empty() {
        name.into_owned()
    } else {
        format!("{path}.{name}")
    }
}
