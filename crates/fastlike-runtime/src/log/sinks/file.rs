//! Lines to the end of a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, Write};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::{Failure, Progress};
use crate::log::LogEndpointError;

/// A file that lines are added to.
pub(in crate::log) struct LogFile {
    open: Arc<Mutex<Open>>,
    /// A write that was begun. It cannot be taken back, so it is waited for
    /// however often its lines are sent: a second one would write them twice,
    /// and hold a second thread where nothing moves.
    writing: Option<JoinHandle<Written>>,
    /// The lines that were sent last are not sent again.
    given_up: bool,
}

/// What came of a write.
type Written = (Progress, Result<(), Failure>);

struct Open {
    path: PathBuf,
    file: File,
    torn: Option<Torn>,
}

/// A line of which the file has a beginning only: there was no room for the
/// rest, or whoever wrote it did not end it.
#[derive(Debug, Clone, Copy)]
struct Torn {
    /// How much of it is there; 0 if the rest will never come.
    bytes: usize,
    /// Where that ends in the file.
    end: u64,
}

impl LogFile {
    pub(super) fn open(path: &Path) -> Result<Self, LogEndpointError> {
        let open = Open::new(path).map_err(|source| LogEndpointError::File {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::new(open))
    }

    fn new(open: Open) -> Self {
        Self {
            open: Arc::new(Mutex::new(open)),
            writing: None,
            given_up: false,
        }
    }

    /// After a failure, and when this was dropped before its end, it is asked
    /// for the same lines again, unless they were given up.
    pub(super) async fn send(
        &mut self,
        lines: &[Bytes],
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        if self.given_up {
            // How it ended was asked for those lines.
            drop(self.written().await);
        }
        let again = !std::mem::take(&mut self.given_up);
        if self.writing.is_none() {
            self.writing = Some(self.begin(lines.to_vec(), again));
        }
        let (made, result) = self.written().await;
        *progress = made;
        result
    }

    pub(super) fn give_up(&mut self) {
        self.given_up = true;
    }

    fn begin(&self, lines: Vec<Bytes>, again: bool) -> JoinHandle<Written> {
        let open = Arc::clone(&self.open);
        // A disk may be slow, or a network.
        tokio::task::spawn_blocking(move || {
            let mut progress = Progress::default();
            let written = open.lock().write(&lines, again, &mut progress);
            (progress, written.map_err(|error| Failure::io(&error)))
        })
    }

    /// The end of the write that was begun.
    async fn written(&mut self) -> Written {
        let Some(writing) = &mut self.writing else {
            return (Progress::default(), Ok(()));
        };
        let written = writing.await;
        self.writing = None;
        let failed = |error: tokio::task::JoinError| {
            let failure = Failure::Passing(error.to_string());
            (Progress::default(), Err(failure))
        };
        written.unwrap_or_else(failed)
    }
}

impl Open {
    fn new(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        let torn = torn(&file, path);
        Ok(Self {
            path: path.to_owned(),
            file,
            torn,
        })
    }

    /// Writes the lines, and says how many of them are there as a whole. The
    /// next call goes on within the line that is not, if it is `again` for the
    /// lines that are left.
    fn write(&mut self, lines: &[Bytes], again: bool, progress: &mut Progress) -> io::Result<()> {
        if !again && let Some(torn) = &mut self.torn {
            torn.bytes = 0;
        }
        let mut written = self.begun()?;
        let text = text(lines);
        let result = write_on(&mut self.file, &text, &mut written);
        let there = text.get(..written).unwrap_or(&text);
        let end = there.iter().rposition(|byte| *byte == b'\n');
        progress.delivered = there.iter().filter(|byte| **byte == b'\n').count();
        let bytes = there.len() - end.map_or(0, |end| end + 1);
        self.torn = (bytes > 0).then(|| Torn {
            bytes,
            // What has no position has no length, either.
            end: self.file.stream_position().unwrap_or(0),
        });
        result
    }

    /// How much of the first line to be written is at the file's end already.
    /// A line that nobody will finish is ended first.
    fn begun(&mut self) -> io::Result<usize> {
        if self.was_moved()? {
            *self = Self::new(&self.path)?;
        }
        let Some(torn) = self.torn else {
            return Ok(0);
        };
        // Others write to it, too, and who needs room may have emptied it.
        if self.file.metadata()?.len() != torn.end {
            return Ok(0);
        }
        if torn.bytes == 0 {
            self.file.write_all(b"\n")?;
            self.torn = None;
        }
        Ok(torn.bytes)
    }

    /// Whether the path leads to another file than the open one: log files are
    /// renamed or removed to be rotated.
    fn was_moved(&self) -> io::Result<bool> {
        let open = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(there) => Ok((there.dev(), there.ino()) != (open.dev(), open.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// Never waits: a pipe holds lines until its reader comes. With a reader's end
/// of our own, it can be opened before, and does not break after.
fn open(path: &Path) -> io::Result<File> {
    let is_pipe = fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo());
    OpenOptions::new()
        .read(is_pipe)
        .append(true)
        .create(!is_pipe)
        .open(path)
}

/// The line at the end of a file that nobody will finish.
fn torn(file: &File, path: &Path) -> Option<Torn> {
    let there = file.metadata().ok().filter(fs::Metadata::is_file)?;
    let end = there.len();
    let mut last = [0];
    // A file that may not be read is taken as it is.
    File::open(path)
        .ok()?
        .read_exact_at(&mut last, end.checked_sub(1)?)
        .ok()?;
    (last != *b"\n").then_some(Torn { bytes: 0, end })
}

fn text(lines: &[Bytes]) -> Vec<u8> {
    let mut text = Vec::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
    for line in lines {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text
}

/// Writes what is behind the first `written` bytes, and counts on.
fn write_on(file: &mut File, text: &[u8], written: &mut usize) -> io::Result<()> {
    while let Some(rest) = text.get(*written..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(bytes) => *written += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use futures_util::FutureExt as _;

    use super::*;

    fn lines(lines: &[&str]) -> Vec<Bytes> {
        let owned = |line: &&str| Bytes::from((*line).to_owned());
        lines.iter().map(owned).collect()
    }

    async fn send(file: &mut LogFile, lines: &[Bytes]) -> Written {
        let mut progress = Progress::default();
        let sent = file.send(lines, &mut progress).await;
        (progress, sent)
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn lines_are_whole_and_there_once_however_much_room_there_is_at_a_time() {
        use std::os::fd::{AsRawFd as _, OwnedFd};
        use std::os::unix::net::UnixStream;

        // Like a full disk, it takes a part of what is written.
        let (full, mut reader) = UnixStream::pair().expect("sockets");
        full.set_nonblocking(true).expect("set");
        reader.set_nonblocking(true).expect("set");
        let path = PathBuf::from(format!("/proc/self/fd/{}", full.as_raw_fd()));
        let mut file = LogFile::new(Open {
            path,
            file: File::from(OwnedFd::from(full)),
            torn: None,
        });
        let all: Vec<Bytes> = (0..2_000)
            .map(|n| Bytes::from(format!("{n:01000}")))
            .collect();
        let (mut rest, mut seen, mut torn) = (all.as_slice(), Vec::new(), 0);
        while !rest.is_empty() {
            let (progress, sent) = send(&mut file, rest).await;
            rest = &rest[progress.delivered..];
            assert_eq!(sent.is_ok(), rest.is_empty());
            let end = reader.read_to_end(&mut seen).expect_err("it goes on");
            assert_eq!(end.kind(), io::ErrorKind::WouldBlock);
            torn += usize::from(!seen.ends_with(b"\n"));
            let whole = seen.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(whole, all.len() - rest.len());
        }
        assert!(torn > 0, "it had room for whole lines only");
        assert!(seen == text(&all));
    }

    /// A file with the beginning of a line at its end.
    fn torn(folder: &Path) -> (PathBuf, LogFile) {
        let path = folder.join("app.log");
        fs::write(&path, "one\ntw").expect("writable");
        let mut open = Open::new(&path).expect("a file");
        open.torn = Some(Torn { bytes: 2, end: 6 });
        (path, LogFile::new(open))
    }

    async fn content_after(file: &mut LogFile, path: &Path, then: &[&str]) -> String {
        let (progress, sent) = send(file, &lines(then)).await;
        assert_eq!((progress.delivered, sent), (then.len(), Ok(())));
        fs::read_to_string(path).expect("text")
    }

    #[tokio::test]
    async fn the_rest_of_a_line_is_written_where_its_beginning_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let then = ["two", "three"];
        let (path, mut file) = torn(folder.path());
        let found = content_after(&mut file, &path, &then).await;
        assert_eq!(found, "one\ntwo\nthree\n");

        let (path, mut file) = torn(folder.path());
        fs::write(&path, "").expect("emptied");
        let found = content_after(&mut file, &path, &then).await;
        assert_eq!(found, "two\nthree\n");

        let (path, mut file) = torn(folder.path());
        fs::rename(&path, folder.path().join("app.1")).expect("renamed");
        let found = content_after(&mut file, &path, &then).await;
        assert_eq!(found, "two\nthree\n");
    }

    #[tokio::test]
    async fn a_line_that_is_given_up_ends_before_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, mut file) = torn(folder.path());
        file.give_up();
        let found = content_after(&mut file, &path, &["three"]).await;
        assert_eq!(found, "one\ntw\nthree\n");
    }

    #[tokio::test]
    async fn a_line_that_another_program_left_unended_ends_before_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("app.log");
        for (before, after) in [
            ("", "one\ntwo\n"),
            ("zero\n", "zero\none\ntwo\n"),
            ("zero", "zero\none\ntwo\n"),
        ] {
            fs::write(&path, before).expect("writable");
            let mut file = LogFile::open(&path).unwrap_or_else(|error| panic!("{error}"));
            content_after(&mut file, &path, &["one"]).await;
            assert_eq!(content_after(&mut file, &path, &["two"]).await, after);
            // The same of a file that takes the place of the first.
            fs::remove_file(&path).expect("removed");
            fs::write(&path, before).expect("writable");
            content_after(&mut file, &path, &["one"]).await;
            assert_eq!(content_after(&mut file, &path, &["two"]).await, after);
        }
    }

    #[tokio::test]
    async fn a_pipe_holds_lines_until_its_reader_comes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pipe");
        make_pipe(&path);
        let mut file = LogFile::open(&path).unwrap_or_else(|error| panic!("{error}"));
        let (progress, sent) = send(&mut file, &lines(&["one"])).await;
        assert_eq!((progress.delivered, sent), (1, Ok(())));
        let reader = File::open(&path).expect("its reader");
        drop(file);
        assert_eq!(read_all(reader).await.expect("read"), "one\n");
    }

    fn make_pipe(path: &Path) {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.expect("mkfifo").success());
    }

    /// A pipe that nobody reads takes 64 KiB or so and not more.
    fn pipe(folder: &Path) -> (LogFile, File) {
        let path = folder.join("pipe");
        make_pipe(&path);
        let file = LogFile::open(&path).unwrap_or_else(|error| panic!("{error}"));
        let reader = File::open(&path).expect("the other end");
        (file, reader)
    }

    fn read_all(mut reader: File) -> JoinHandle<String> {
        tokio::task::spawn_blocking(move || {
            let mut all = String::new();
            reader.read_to_string(&mut all).expect("text");
            all
        })
    }

    #[tokio::test]
    async fn lines_that_are_sent_again_while_they_are_written_are_written_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut file, reader) = pipe(folder.path());
        let large = lines(&[&"x".repeat(1 << 20), "last"]);
        for _ in 0..3 {
            assert!(send(&mut file, &large).now_or_never().is_none());
        }
        let read = read_all(reader);
        let (progress, sent) = send(&mut file, &large).await;
        assert_eq!((progress.delivered, sent), (2, Ok(())));
        drop(file);
        assert!(read.await.expect("read").as_bytes() == text(&large));
    }

    #[tokio::test]
    async fn lines_that_were_given_up_are_not_taken_for_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut file, reader) = pipe(folder.path());
        let large = lines(&[&"x".repeat(1 << 20), "last"]);
        assert!(send(&mut file, &large).now_or_never().is_none());
        file.give_up();
        let next = lines(&["next"]);
        for _ in 0..3 {
            assert!(send(&mut file, &next).now_or_never().is_none());
        }
        let read = read_all(reader);
        let (progress, sent) = send(&mut file, &next).await;
        assert_eq!((progress.delivered, sent), (1, Ok(())));
        drop(file);
        let read = read.await.expect("read");
        assert!(read.ends_with("last\nnext\n") && read.matches("next").count() == 1);
    }
}
