//! The files that a manifest names.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

use super::json::JsonFile;
use super::problem::{Log, Problem};
use super::raw::Item;
use super::source::Source;

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
        self.read_named(&name, |why| item.problem(why), log)
    }

    /// The file of this name; `at` says where the name stands.
    pub(super) fn read_named(
        &self,
        name: &str,
        at: impl Fn(String) -> Problem,
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
                    log.error(at(format!("cannot read `{}`: {error}", path.display())));
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
        log.error(at(format!("there is no file `{name}`")).help(help));
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
            let why = format!("there is no file `{name}`");
            log.error(self.nowhere(&name, why, item));
        }
        found
    }

    /// Where a file is to be written: in the first of the folders that are
    /// there.
    pub(super) fn place(&self, item: &Item<'_>, log: &mut Log) -> Option<PathBuf> {
        let name = item.string(log)?;
        let mut paths = self.folders.iter().map(|folder| folder.join(&name));
        let found = paths.find(|path| match path.parent() {
            Some(folder) => folder.as_os_str().is_empty() || folder.is_dir(),
            None => false,
        });
        let found = found.filter(|path| !path.is_dir());
        if found.is_none() {
            let why = format!("there is no folder for the file `{name}`");
            log.error(self.nowhere(&name, why, item));
        }
        found
    }

    /// The problem of a name that is no file's: a folder has it, or else `why`.
    fn nowhere(&self, name: &str, why: String, item: &Item<'_>) -> Problem {
        let mut paths = self.folders.iter().map(|folder| folder.join(name));
        if paths.any(|path| path.is_dir()) {
            return item.problem(format!("`{name}` is a folder and no file"));
        }
        let problem = item.problem(why);
        problem.help("looked beside the manifest and in the working directory")
    }

    /// As [`Files::read`], as a JSON object. What is wrong in it is shown
    /// where it is, in that file.
    pub(super) fn read_json(&self, item: &Item<'_>, log: &mut Log) -> Option<JsonFile> {
        let (path, text) = self.read_text(item, log)?;
        JsonFile::parse(Source::new(path, text), item, log)
    }

    /// As [`Files::read_json`], of a file that holds secrets: the place is
    /// said, but no line is shown.
    pub(super) fn read_secret_json(&self, item: &Item<'_>, log: &mut Log) -> Option<JsonFile> {
        let (path, text) = self.read_text(item, log)?;
        JsonFile::parse(Source::hidden(path, text), item, log)
    }

    fn read_text(&self, item: &Item<'_>, log: &mut Log) -> Option<(PathBuf, String)> {
        let (path, bytes) = self.read(item, log)?;
        match String::from_utf8(bytes) {
            Ok(text) => Some((path, text)),
            Err(_) => {
                log.error(item.problem(format!("`{}` is not UTF-8 text", path.display())));
                None
            }
        }
    }
}
