//! What a guest writes to its standard output and error.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::limits;

/// Where a guest's standard output or error goes, a line at a time.
///
/// Called from the threads that run guests: must be quick. Closures
/// `Fn(&[u8])` implement it.
pub trait OutputSink: Send + Sync + 'static {
    /// One line without its line feed. A line of more than 16 KiB comes in
    /// pieces.
    fn line(&self, line: &[u8]);

    /// As [`OutputSink::line`], which it calls unless it is implemented, for
    /// sinks that may fail: the guest's write fails then, and the line is lost.
    ///
    /// # Errors
    ///
    /// Why the line could not be written.
    fn try_line(&self, line: &[u8]) -> io::Result<()> {
        self.line(line);
        Ok(())
    }
}

impl<F: Fn(&[u8]) + Send + Sync + 'static> OutputSink for F {
    fn line(&self, line: &[u8]) {
        self(line);
    }
}

/// Passes each line on to this process's own logs.
pub(crate) struct ToTracing(pub(crate) &'static str);

impl OutputSink for ToTracing {
    fn line(&self, line: &[u8]) {
        tracing::info!(stream = self.0, "{}", String::from_utf8_lossy(line));
    }
}

/// One output stream of one run.
#[derive(Clone)]
pub(crate) enum GuestStream {
    /// Gathers lines.
    Lines(Arc<Lines>),
    /// Passes on what comes, as it comes.
    Raw {
        sink: Arc<Mutex<dyn Write + Send>>,
        is_terminal: bool,
    },
}

pub(crate) struct Lines {
    sink: Arc<dyn OutputSink>,
    partial: Mutex<Vec<u8>>,
}

impl GuestStream {
    pub(crate) fn lines(sink: Arc<dyn OutputSink>) -> Self {
        Self::Lines(Arc::new(Lines::new(sink)))
    }

    pub(crate) fn raw(sink: impl Write + Send + 'static) -> Self {
        Self::Raw {
            sink: Arc::new(Mutex::new(sink)),
            is_terminal: false,
        }
    }

    /// Whether the guest is told that it writes to a terminal. Lines that are
    /// gathered never are on one.
    pub(crate) fn on_terminal(mut self, yes: bool) -> Self {
        if let Self::Raw { is_terminal, .. } = &mut self {
            *is_terminal = yes;
        }
        self
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Lines(lines) => lines.write(bytes),
            Self::Raw { sink, .. } => {
                let mut sink = sink.lock();
                sink.write_all(bytes)?;
                sink.flush()
            }
        }
    }
}

impl Lines {
    fn new(sink: Arc<dyn OutputSink>) -> Self {
        Self {
            sink,
            partial: Mutex::new(Vec::new()),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut partial = self.partial.lock();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            partial.extend_from_slice(piece);
            let is_whole = partial.ends_with(b"\n");
            if is_whole {
                partial.pop();
            }
            if is_whole || partial.len() >= limits::OUTPUT_LINE {
                let written = self.sink.try_line(&partial);
                partial.clear();
                written?;
            }
        }
        Ok(())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let partial = self.partial.get_mut();
        if !partial.is_empty() {
            // The guest that could be told of a failure is gone.
            drop(self.sink.try_line(partial));
        }
    }
}

impl IsTerminal for GuestStream {
    fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::Raw {
                is_terminal: true,
                ..
            }
        )
    }
}

impl StdoutStream for GuestStream {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for GuestStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        // Not `Closed`: the guest would not learn whether its reader has gone
        // away or the disk is full.
        self.try_write(&bytes)
            .map_err(|error| StreamError::LastOperationFailed(error.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(limits::OUTPUT_LINE)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for GuestStream {
    async fn ready(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_arrive_whole_and_the_last_one_at_the_end() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = {
            let seen = Arc::clone(&seen);
            move |line: &[u8]| seen.lock().push(String::from_utf8_lossy(line).into_owned())
        };
        let lines = Lines::new(Arc::new(sink));
        for bytes in [&b"one\ntw"[..], b"o\n\nend"] {
            lines.write(bytes).expect("kept");
        }
        assert_eq!(*seen.lock(), ["one", "two", ""]);
        drop(lines);
        assert_eq!(seen.lock().last().map(String::as_str), Some("end"));
    }

    struct Full;

    impl OutputSink for Full {
        fn line(&self, _: &[u8]) {}

        fn try_line(&self, _: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    #[test]
    fn a_line_that_cannot_be_written_is_an_error_of_its_end() {
        let lines = Lines::new(Arc::new(Full));
        assert!(lines.write(b"begun").is_ok());
        let error = lines.write(b", ended\n").expect_err("full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(lines.write(b"another").is_ok(), "the first one is lost");
    }

    #[test]
    fn a_line_without_end_is_passed_on_in_pieces() {
        let seen = Arc::new(Mutex::new(0));
        let sink = {
            let seen = Arc::clone(&seen);
            move |line: &[u8]| *seen.lock() += line.len()
        };
        let lines = Lines::new(Arc::new(sink));
        for _ in 0..limits::OUTPUT_LINE {
            lines.write(b"x").expect("kept");
        }
        assert_eq!(*seen.lock(), limits::OUTPUT_LINE);
    }
}
