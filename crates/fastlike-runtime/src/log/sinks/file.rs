//! Lines to the end of a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Failure, Progress};
use crate::log::LogEndpointError;

/// A file that lines are added to.
pub(in crate::log) struct LogFile(Arc<Mutex<Open>>);

struct Open {
    path: PathBuf,
    file: File,
}

impl LogFile {
    pub(super) fn open(path: &Path) -> Result<Self, LogEndpointError> {
        let file = open(path).map_err(|source| LogEndpointError::File {
            path: path.to_owned(),
            source,
        })?;
        let path = path.to_owned();
        Ok(Self(Arc::new(Mutex::new(Open { path, file }))))
    }

    pub(super) async fn send(
        &mut self,
        lines: &[Bytes],
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let mut text = Vec::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
        for line in lines {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        let open = Arc::clone(&self.0);
        // A disk may be slow, or a network.
        let writing = tokio::task::spawn_blocking(move || open.lock().write(&text));
        match writing.await {
            Ok(Ok(())) => progress.delivered = lines.len(),
            Ok(Err(error)) => return Err(Failure::io(&error)),
            Err(error) => return Err(Failure::Passing(error.to_string())),
        }
        Ok(())
    }
}

impl Open {
    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        if self.was_moved()? {
            self.file = open(&self.path)?;
        }
        self.file.write_all(text)
    }

    /// Whether the path leads to another file than the open one: log files are
    /// renamed or removed to be rotated.
    fn was_moved(&self) -> io::Result<bool> {
        let open = self.file.metadata()?;
        match std::fs::metadata(&self.path) {
            Ok(there) => Ok((there.dev(), there.ino()) != (open.dev(), open.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}
