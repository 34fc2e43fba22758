//! The files that a manifest names.

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
}

impl Files {
    /// For the manifest at `path`.
    pub(super) fn beside(path: &Path) -> Self {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        // The empty path is the working directory.
        Self {
            folders: vec![folder, PathBuf::new()],
        }
    }

    /// The file that `item`'s string names, with where it was found.
    pub(super) fn read(&self, item: &Item<'_>, log: &mut Log) -> Option<(PathBuf, Vec<u8>)> {
        let name = item.string(log)?;
        let mut tried: Vec<PathBuf> = Vec::new();
        for folder in &self.folders {
            let path = folder.join(&name);
            if tried.contains(&path) {
                continue;
            }
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
        let (path, text) = self.read_text(item, log)?;
        match serde_json::from_str(&text) {
            Ok(Value::Object(object)) => Some((path, object)),
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
