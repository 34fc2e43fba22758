//! A file's text, and how to point into it.

use std::cell::OnceCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::problem::{LONG_MESSAGE, Problem, cut};

/// Bytes of a line that is shown whole.
const LONG_LINE: usize = 400;

/// Editors on Windows begin a file with it; it is no part of the text.
const BOM: &str = "\u{feff}";

/// A file's text, and how to point into it.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    text: String,
    /// The text with every secret starred out; its bytes stand where those of
    /// `text` do.
    shown: OnceCell<String>,
    /// No line is shown at all.
    hidden: bool,
}

impl Source {
    pub(super) fn new(path: PathBuf, text: String) -> Self {
        Self {
            path,
            text,
            shown: OnceCell::new(),
            hidden: false,
        }
    }

    /// A file none of whose lines is shown.
    pub(super) fn hidden(path: PathBuf, text: String) -> Self {
        Self {
            hidden: true,
            ..Self::new(path, text)
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The text without its byte order mark, for parsers that know none.
    pub(super) fn without_bom(&self) -> &str {
        self.text.get(self.bom()..).unwrap_or_default()
    }

    /// Shows `text` from now on.
    pub(super) fn show(&self, text: String) {
        self.shown.get_or_init(|| text);
    }

    /// The text as it may be shown.
    pub(super) fn shown(&self) -> &str {
        self.shown.get().unwrap_or(&self.text)
    }

    /// A problem with the bytes at `span`; of several lines the first is
    /// shown, and of a very long one the part around it.
    pub(super) fn problem(&self, span: Range<usize>, key_path: &str, message: String) -> Problem {
        let start = self.text.floor_char_boundary(span.start.max(self.bom()));
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(self.bom(), |at| at + 1);
        let (source_line, mark) = self.excerpt(line_start, start..span.end.max(start));
        // Stars are single bytes: characters are counted in the text itself.
        let left = before.get(line_start..).unwrap_or_default();
        Problem {
            file: self.path.clone(),
            line: before.matches('\n').count() + 1,
            column: left.chars().count() + 1,
            span,
            source_line,
            mark,
            key_path: cut(key_path, LONG_MESSAGE),
            message: cut(&message, LONG_MESSAGE),
            help: None,
        }
    }

    /// What is shown of the line that begins at `line_start`, and where in it
    /// the bytes at `span` are.
    fn excerpt(&self, line_start: usize, span: Range<usize>) -> (String, Range<usize>) {
        if self.hidden {
            return (String::new(), 0..0);
        }
        let rest = self.shown().get(line_start..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        let start = (span.start - line_start).min(line.len());
        let end = line.floor_char_boundary(span.end - line_start);
        let part = window(line, start);
        let cut = |is_cut| if is_cut { "…" } else { "" };
        let (left, right) = (cut(part.start > 0), cut(part.end < line.len()));
        let shown = line.get(part.clone()).unwrap_or_default();
        let at = |place: usize| place.min(part.end) - part.start + left.len();
        let mark = at(start)..at(end.max(start));
        (format!("{left}{shown}{right}"), mark)
    }

    /// Where the line and column (both from 1, the column in bytes) of the
    /// text without its byte order mark are.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let text = self.without_bom();
        let start: usize = text
            .split_inclusive('\n')
            .take(line.saturating_sub(1))
            .map(str::len)
            .sum();
        start
            .saturating_add(column.saturating_sub(1))
            .min(text.len())
            .saturating_add(self.bom())
    }

    /// Bytes of the byte order mark.
    fn bom(&self) -> usize {
        if self.text.starts_with(BOM) {
            BOM.len()
        } else {
            0
        }
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
