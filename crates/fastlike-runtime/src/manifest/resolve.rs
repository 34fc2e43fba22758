//! The files that a manifest names.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::problem::Log;
use super::raw::{Item, Source};

/// Finds and reads them.
///
/// Users write paths relative to the manifest; the official tools resolve
/// them against the working directory, which most often is the same folder.
/// Both work, the manifest's folder first.
#[derive(Debug)]
pub(super) struct Files {
    folders: Vec<PathBuf>,
    /// Where files are, or would be, in the order they were asked for.
    looked_at: RefCell<Vec<PathBuf>>,
}

impl Files {
    /// For the manifest at `path`.
    pub(super) fn beside(path: &Path) -> Self {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        // The empty path is the working directory.
        Self {
            folders: vec![folder, PathBuf::new()],
            looked_at: RefCell::default(),
        }
    }

    /// Every path at which a file was looked for: a file that comes, goes or
    /// changes there changes what is read.
    pub(super) fn looked_at(self) -> Vec<PathBuf> {
        self.looked_at.into_inner()
    }

    /// Notes a file beside the manifest that somebody else reads.
    pub(super) fn note_beside(&self, name: &str) {
        if let Some(folder) = self.folders.first() {
            self.note(&folder.join(name));
        }
    }

    fn note(&self, path: &Path) {
        let mut looked_at = self.looked_at.borrow_mut();
        if !looked_at.iter().any(|other| other == path) {
            looked_at.push(path.to_owned());
        }
    }

    /// The file that `item`'s string names, with where it was found.
    pub(super) fn read(&self, item: &Item<'_>, log: &mut Log) -> Option<(PathBuf, Vec<u8>)> {
        let name = item.string(log)?;
        self.read_named(&name, item, log)
    }

    /// The file of this name, which something at `item` says.
    pub(super) fn read_named(
        &self,
        name: &str,
        item: &Item<'_>,
        log: &mut Log,
    ) -> Option<(PathBuf, Vec<u8>)> {
        let mut tried: Vec<PathBuf> = Vec::new();
        for folder in &self.folders {
            let path = folder.join(name);
            if tried.contains(&path) {
                continue;
            }
            self.note(&path);
            match std::fs::read(&path) {
                Ok(bytes) => return Some((path, bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => tried.push(path),
                Err(error) => {
                    log.error(item.problem(format!("cannot read `{}`: {error}", path.display())));
                    return None;
                }
            }
        }
        let folder = self
            .folders
            .first()
            .filter(|folder| !folder.as_os_str().is_empty());
        let beside = folder
            .map(|folder| format!("in `{}` and ", folder.display()))
            .unwrap_or_default();
        let help = format!("looked {beside}in the working directory");
        log.error(
            item.problem(format!("there is no file `{name}`"))
                .help(help),
        );
        None
    }

    /// Where a file is that is read later.
    pub(super) fn find(&self, item: &Item<'_>, log: &mut Log) -> Option<PathBuf> {
        let name = item.string(log)?;
        let mut paths = self.folders.iter().map(|folder| folder.join(&name));
        let found = paths.find(|path| {
            self.note(path);
            path.is_file()
        });
        if found.is_none() {
            let problem = item.problem(format!("there is no file `{name}`"));
            log.error(problem.help("looked beside the manifest and in the working directory"));
        }
        found
    }

    /// Where a file is to be written: in the first of the folders that are
    /// there.
    pub(super) fn place(&self, item: &Item<'_>, log: &mut Log) -> Option<PathBuf> {
        let name = item.string(log)?;
        let mut paths = self.folders.iter().map(|folder| folder.join(&name));
        let found = paths.find(|path| match path.parent() {
            Some(folder) if folder.as_os_str().is_empty() => true,
            Some(folder) => folder.is_dir() && !path.is_dir(),
            None => false,
        });
        if found.is_none() {
            let problem = item.problem(format!("there is no folder for the file `{name}`"));
            log.error(problem.help("looked beside the manifest and in the working directory"));
        }
        found
    }

    /// As [`Files::read`], as text.
    pub(super) fn read_text(&self, item: &Item<'_>, log: &mut Log) -> Option<(PathBuf, String)> {
        let (path, bytes) = self.read(item, log)?;
        match String::from_utf8(bytes) {
            Ok(text) => Some((path, text)),
            Err(_) => {
                log.error(item.problem(format!("`{}` is not UTF-8 text", path.display())));
                None
            }
        }
    }

    /// As [`Files::read`], as a JSON object. A syntax error is shown where it
    /// is, in that file.
    pub(super) fn read_json(
        &self,
        item: &Item<'_>,
        log: &mut Log,
    ) -> Option<(PathBuf, Map<String, Value>)> {
        let (path, _, object) = self.read_json_text(item, log)?;
        Some((path, object))
    }

    /// As [`Files::read_json`], with the text, to point into it.
    pub(super) fn read_json_text(
        &self,
        item: &Item<'_>,
        log: &mut Log,
    ) -> Option<(PathBuf, String, Map<String, Value>)> {
        let (path, text) = self.read_text(item, log)?;
        match serde_json::from_str(&text) {
            Ok(Value::Object(object)) => Some((path, text, object)),
            Ok(other) => {
                log.error(item.problem(format!(
                    "`{}` must hold a JSON object, not {}",
                    path.display(),
                    kind(&other)
                )));
                None
            }
            Err(error) => {
                let message = error.to_string();
                // serde_json ends its messages with the place, which we show.
                let message = message
                    .split(" at line ")
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                let json = Source::new(path, text);
                let at = json.offset(error.line(), error.column());
                log.error(json.problem(at..at, item.path(), message));
                None
            }
        }
    }
}

/// What a message calls a JSON value.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
