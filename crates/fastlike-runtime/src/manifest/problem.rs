//! What is wrong in a manifest, as values.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file itself cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file was read and is wrong.
    #[error("{}", Summary(.path, .problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that must be mended, in the file's order; not empty.
        problems: Vec<Problem>,
        /// What would have been warned of.
        warnings: Vec<Warning>,
        /// As [`Manifest::files`](super::Manifest::files): a change of one of
        /// them may mend it.
        files: Vec<PathBuf>,
    },
}

impl Error {
    /// The files whose change may mend it, the manifest first.
    pub fn files(&self) -> &[PathBuf] {
        match self {
            Self::Read { path, .. } => std::slice::from_ref(path),
            Self::Invalid { files, .. } => files,
        }
    }
}

struct Summary<'a>(&'a PathBuf, &'a [Problem]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path, problems) = self;
        let plural = if problems.len() == 1 {
            "problem"
        } else {
            "problems"
        };
        write!(f, "{} {plural} in `{}`", problems.len(), path.display())?;
        problems
            .iter()
            .try_for_each(|problem| write!(f, "\n{problem}"))
    }
}

/// A remark on a manifest that can be used all the same.
pub type Warning = Problem;

/// One thing that is wrong, and where.
///
/// Its `Display` is complete in itself:
///
/// ```text
/// fastly.toml:3:7: local_server.backends.api.url: `api.example.com` is not a URL
///   3 | url = "api.example.com"
///     |       ^^^^^^^^^^^^^^^^^
///   help: write `https://api.example.com`
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file that is wrong: the manifest, or a file that it names.
    pub file: PathBuf,
    /// The line in `file`, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The bytes of `file` that are meant.
    pub span: Range<usize>,
    /// The text of the line, without its line break; of a very long one a part,
    /// with `…` where it is cut. What may be a secret is starred out; of a file
    /// that holds nothing else it is empty.
    pub source_line: String,
    /// The bytes of `source_line` that are meant; lies within it.
    pub mark: Range<usize>,
    /// The key, as `local_server.backends.api.url`; empty for a syntax error.
    pub key_path: String,
    /// What is wrong.
    pub message: String,
    /// How to mend it, if there is something to say.
    pub help: Option<String>,
}

impl Problem {
    /// Adds how to mend it.
    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(cut(&help.into(), LONG_HELP));
        self
    }

    /// Adds `did you mean …?` if a candidate is near to `word`, else lists
    /// the candidates.
    #[must_use]
    pub(super) fn suggest(self, word: &str, candidates: &[&str]) -> Self {
        match super::suggest::nearest(word, candidates.iter().copied()) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None => self.help(format!("known here: {}", candidates.join(", "))),
        }
    }

    /// The message with the key it is about.
    pub fn title(&self) -> String {
        if self.key_path.is_empty() {
            self.message.clone()
        } else {
            format!("{}: {}", self.key_path, self.message)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, title) = (self.file.display(), self.title());
        write!(f, "{file}:{}:{}: {title}", self.line, self.column)?;
        if !self.source_line.is_empty() {
            self.excerpt(f)?;
        }
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl Problem {
    fn excerpt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let before = self.source_line.get(..self.mark.start).unwrap_or_default();
        let marked = self.source_line.get(self.mark.clone()).unwrap_or_default();
        // Tabs stay tabs, so that the carets stand below what they mean.
        let indent: String = before
            .chars()
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let carets = "^".repeat(marked.chars().count().max(1));
        write!(f, "\n  {number} | {}", self.source_line)?;
        write!(
            f,
            "\n  {:width$} | {indent}{carets}",
            "",
            width = number.len()
        )
    }
}

/// Characters of a message or a key that are shown whole. What the user wrote
/// stands in them, which may be a megabyte.
pub(super) const LONG_MESSAGE: usize = 250;

/// Of a mend, which may list all keys of a table.
const LONG_HELP: usize = 800;

/// Characters of a longer text that are shown at each of its ends: what is
/// wrong, and why.
const END: usize = 100;

/// The text without its middle if it has more characters than `most`.
pub(super) fn cut(text: &str, most: usize) -> String {
    let place = |(at, _): (usize, char)| at;
    if text.char_indices().nth(most).is_none() {
        return text.to_owned();
    }
    let first = text.char_indices().nth(END).map_or(0, place);
    let last = text.char_indices().nth_back(END - 1).map_or(0, place);
    let (first, last) = (text.get(..first), text.get(last..));
    format!("{}…{}", first.unwrap_or_default(), last.unwrap_or_default())
}

/// Collects what is found while a manifest is read.
#[derive(Debug, Default)]
pub(super) struct Log {
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

impl Log {
    /// Notes what must be mended.
    pub(super) fn error(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Notes what is only remarkable.
    pub(super) fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    /// Problems and warnings, each in the order of the manifest's text; then
    /// those of the files it names.
    pub(super) fn sorted(mut self, manifest: &Path) -> (Vec<Problem>, Vec<Warning>) {
        for list in [&mut self.problems, &mut self.warnings] {
            list.sort_by(|one, other| place(one, manifest).cmp(&place(other, manifest)));
            list.dedup();
        }
        (self.problems, self.warnings)
    }
}

fn place<'p>(problem: &'p Problem, manifest: &Path) -> (bool, &'p Path, usize) {
    let elsewhere = problem.file != manifest;
    (elsewhere, &problem.file, problem.span.start)
}
