//! What can be wrong with a database file.

use std::io;
use std::path::{Path, PathBuf};

use maxminddb::MaxMindDbError;

/// A database that cannot be used: which file, what is wrong, how to mend it.
#[derive(Debug, thiserror::Error)]
#[error("geolocation database `{}`: {problem}; {mend}", path.display())]
pub struct GeoDatabaseError {
    path: PathBuf,
    problem: String,
    mend: &'static str,
}

impl GeoDatabaseError {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong with it, without the path.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to do about it, as an instruction.
    pub fn mend(&self) -> &str {
        self.mend
    }

    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let (problem, mend) = match error.kind() {
            io::ErrorKind::NotFound => (
                "there is no such file".to_owned(),
                "check the path, or download the database to it",
            ),
            io::ErrorKind::IsADirectory => (
                "this is a directory".to_owned(),
                "name the .mmdb file in it",
            ),
            io::ErrorKind::PermissionDenied => (
                "this user may not read it".to_owned(),
                "change the file's permissions or its owner",
            ),
            _ => (
                format!("reading it failed: {error}"),
                "check the disk and the path",
            ),
        };
        Self {
            path: path.into(),
            problem,
            mend,
        }
    }

    pub(crate) fn invalid(path: &Path, bytes: &[u8], error: &MaxMindDbError) -> Self {
        // The usual mistakes have a mend of their own.
        let (problem, mend) = match bytes {
            [] => ("the file is empty".to_owned(), DOWNLOAD_AGAIN),
            [0x1f, 0x8b, ..] => (
                "this is a gzip archive".to_owned(),
                "unpack it (`gunzip`, or `tar -xzf` for a .tar.gz) and name the .mmdb file inside",
            ),
            [b'P', b'K', 3, 4, ..] => (
                "this is a zip archive".to_owned(),
                "unpack it and name the .mmdb file inside",
            ),
            _ => (
                format!("it is damaged or not in MaxMind's format ({error})"),
                DOWNLOAD_AGAIN,
            ),
        };
        Self {
            path: path.into(),
            problem,
            mend,
        }
    }
}

const DOWNLOAD_AGAIN: &str = "download the .mmdb file again and compare its checksum";
