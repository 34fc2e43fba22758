//! Lines on their way to the terminal.
//!
//! A thread of its own writes them, so that a slow or stopped terminal stops
//! no request. What waits is bounded: past it lines are dropped, and how many
//! is said.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

/// Bytes that may wait to be written.
const WAITING: usize = 32 * 1024 * 1024;

/// Bytes that are written at once.
const BATCH: usize = 64 * 1024;

/// How long lines gather after others were written: nobody sees it, and under
/// load it spares a waking of the thread for each line.
const GATHER: Duration = Duration::from_millis(5);

/// How long the end of the process waits for the terminal.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Where a line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

#[derive(Debug)]
pub(crate) enum Job {
    Write(Stream, Vec<u8>),
    /// Answered when everything before it is written.
    Flush(SyncSender<()>),
}

/// Where lines are handed in. Clones share it.
#[derive(Debug, Clone)]
pub(crate) enum Printer {
    /// A thread writes them.
    Thread {
        /// To the thread.
        jobs: Sender<Job>,
        /// Shared with it.
        state: Arc<State>,
    },
    /// They are written before the caller goes on.
    AtOnce,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    waiting: AtomicUsize,
    lost: AtomicU64,
}

impl Printer {
    /// Starts the writing thread.
    pub(crate) fn start() -> io::Result<Self> {
        Self::start_with(io::stdout(), io::stderr())
    }

    fn start_with(
        stdout: impl Write + Send + 'static,
        stderr: impl Write + Send + 'static,
    ) -> io::Result<Self> {
        let (jobs, receiver) = channel();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::Builder::new()
            .name("fastlike-printer".to_owned())
            .spawn(move || write_all(&receiver, &shared, stdout, stderr))?;
        Ok(Self::Thread { jobs, state })
    }

    /// A printer that keeps the order of what is written elsewhere to the same
    /// streams, for programs that nobody waits for but their user.
    pub(crate) fn at_once() -> Self {
        Self::AtOnce
    }

    /// Writes `line`, which has its line break at its end. Never waits where
    /// a thread writes.
    pub(crate) fn print(&self, stream: Stream, line: Vec<u8>) {
        // A reader that has gone away is no reason to stop.
        let _ = self.try_print(stream, line);
    }

    /// As [`Printer::print`], for those who want to know whether it could be
    /// written. Where a thread writes, nobody knows yet.
    pub(crate) fn try_print(&self, stream: Stream, line: Vec<u8>) -> io::Result<()> {
        let Self::Thread { jobs, state } = self else {
            return write_now(stream, &line);
        };
        let waiting = state.waiting.fetch_add(line.len(), Ordering::Relaxed);
        if waiting.saturating_add(line.len()) > WAITING {
            state.waiting.fetch_sub(line.len(), Ordering::Relaxed);
            state.lost.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        // The thread lives as long as a printer does.
        let _ = jobs.send(Job::Write(stream, line));
        Ok(())
    }

    /// Waits until everything so far is written, but not for long.
    pub(crate) fn flush(&self) {
        let Self::Thread { jobs, .. } = self else {
            return;
        };
        let (done, wait) = sync_channel(1);
        if jobs.send(Job::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(LAST_WORDS);
        }
    }
}

fn write_now(stream: Stream, bytes: &[u8]) -> io::Result<()> {
    match stream {
        Stream::Stdout => {
            let mut out = io::stdout().lock();
            out.write_all(bytes)?;
            out.flush()
        }
        Stream::Stderr => io::stderr().lock().write_all(bytes),
    }
}

fn write_all(jobs: &Receiver<Job>, state: &State, stdout: impl Write, stderr: impl Write) {
    let mut out = Batch::new(stdout);
    let mut err = Batch::new(stderr);
    while let Ok(mut job) = jobs.recv() {
        loop {
            match job {
                Job::Write(stream, line) => {
                    state.waiting.fetch_sub(line.len(), Ordering::Relaxed);
                    match stream {
                        Stream::Stdout => out.add(&line),
                        Stream::Stderr => err.add(&line),
                    }
                }
                Job::Flush(done) => {
                    out.write();
                    err.write();
                    let _ = done.send(());
                }
            }
            match jobs.try_recv() {
                Ok(next) => job = next,
                Err(_) => break,
            }
        }
        out.write();
        let lost = state.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            err.add(format!("{lost} lines were dropped: the terminal is too slow\n").as_bytes());
        }
        err.write();
        #[expect(
            clippy::disallowed_methods,
            reason = "the thread is the printer's own: no request runs on it"
        )]
        std::thread::sleep(GATHER);
    }
}

/// Collects lines, so that many cost one system call.
struct Batch<W> {
    sink: W,
    bytes: Vec<u8>,
}

impl<W: Write> Batch<W> {
    fn new(sink: W) -> Self {
        Self {
            sink,
            bytes: Vec::new(),
        }
    }

    fn add(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        if self.bytes.len() >= BATCH {
            self.write();
        }
    }

    fn write(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        // A reader that has gone away is no reason to stop serving.
        let _ = self.sink.write_all(&self.bytes);
        let _ = self.sink.flush();
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::{Condvar, Mutex};

    use super::*;

    /// A terminal that is stopped until it is told to go on.
    #[derive(Clone, Default)]
    struct Terminal(Arc<(Mutex<Written>, Condvar)>);

    #[derive(Default)]
    struct Written {
        going: bool,
        bytes: Vec<u8>,
    }

    impl Terminal {
        fn go_on(&self) {
            self.0.0.lock().going = true;
            self.0.1.notify_all();
        }

        fn text(&self) -> String {
            let state = self.0.0.lock();
            String::from_utf8_lossy(&state.bytes).into_owned()
        }
    }

    impl Write for Terminal {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut state = self.0.0.lock();
            while !state.going {
                self.0.1.wait(&mut state);
            }
            state.bytes.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Waits until everything so far is written, however long that takes.
    fn flush(printer: &Printer) {
        let Printer::Thread { jobs, .. } = printer else {
            panic!("no thread");
        };
        let (done, wait) = sync_channel(1);
        jobs.send(Job::Flush(done)).expect("the thread");
        wait.recv().expect("the thread");
    }

    #[test]
    fn lines_come_out_in_order_and_whole() {
        let (out, err) = (Terminal::default(), Terminal::default());
        out.go_on();
        err.go_on();
        let printer = Printer::start_with(out.clone(), err.clone()).expect("a thread");
        for n in 0..1000 {
            printer.print(Stream::Stdout, format!("{n}\n").into_bytes());
        }
        printer.print(Stream::Stderr, b"oops\n".to_vec());
        flush(&printer);
        let expected: String = (0..1000).map(|n| format!("{n}\n")).collect();
        assert_eq!((out.text(), err.text().as_str()), (expected, "oops\n"));
    }

    #[test]
    fn a_stopped_terminal_delays_nobody_and_what_is_lost_is_counted() {
        let (out, err) = (Terminal::default(), Terminal::default());
        let printer = Printer::start_with(out.clone(), err.clone()).expect("a thread");
        let line = vec![b'x'; WAITING / 8];
        // One more may be in the thread's hands.
        for _ in 0..20 {
            printer.print(Stream::Stdout, line.clone());
        }
        out.go_on();
        err.go_on();
        flush(&printer);
        printer.print(Stream::Stdout, b"end\n".to_vec());
        flush(&printer);
        let kept = out.text().len() / line.len();
        assert!((8..=10).contains(&kept), "{kept}");
        printer.print(Stream::Stdout, b"end\n".to_vec());
        flush(&printer);
        let lost = 20 - kept;
        assert!(
            err.text()
                .starts_with(&format!("{lost} lines were dropped")),
            "{}",
            err.text()
        );
    }
}
