//! The tables of a file, on their way to be read: where everything stands,
//! and which keys nobody asked for.

use std::borrow::Cow;
use std::num::IntErrorKind;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Log, Problem};
use super::source::Source;
use super::suggest;

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
    /// The table that is the whole file.
    pub(super) fn top(source: &'a Source, table: DeTable<'a>) -> Self {
        Self::new(source, String::new(), 0..0, table)
    }

    /// A table with nothing in it.
    pub(super) fn empty(source: &'a Source) -> Self {
        Self::top(source, DeTable::new())
    }

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

    /// The keys that were asked for.
    pub(super) fn known(&self) -> &[&'static str] {
        &self.known
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

    /// Warns of each key that nobody asked for and that is near to one that
    /// somebody did: for tables whose keys are those of other tools.
    pub(super) fn warn_of_slips(&self, log: &mut Log) {
        for item in &self.left {
            if suggest::nearest(&item.name, self.known.iter().copied()).is_some() {
                log.warn(
                    item.problem_at_key("unknown key, ignored")
                        .suggest(&item.name, &self.known),
                );
            }
        }
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
        let value = self.source.shown().get(self.value.span());
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
        let parsed = number.map(|n| u64::from_str_radix(n.as_str(), n.radix()));
        match (parsed, number) {
            (Some(Ok(number)), _) => Some(number),
            (Some(Err(error)), Some(n)) if *error.kind() == IntErrorKind::PosOverflow => {
                log.error(self.problem(format!("`{}` is too large", n.as_str())));
                None
            }
            _ => self.expected("a whole number, zero or more", log),
        }
    }

    /// The value as a table.
    pub(super) fn section(self, log: &mut Log) -> Option<Section<'a>> {
        let (source, header) = (self.source, self.header());
        if self.value.get_ref().is_array() && self.has_header() {
            let problem = self.problem("expected a table, found an array");
            log.error(problem.help(format!("write `[{}]`, in single brackets", self.path)));
            return None;
        }
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
    pub(super) fn has_header(&self) -> bool {
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
