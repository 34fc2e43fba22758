//! Commands that end with us.

use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::oneshot;

use crate::printer::Stream;

/// How long a group that was asked to end has for it.
const GOODBYE: Duration = Duration::from_millis(500);

/// How long the last words of a command are waited for after its end: what it
/// left running may keep its output open.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs a command to its end and hands on what it writes, line by line. It and
/// all that it starts are a process group, which ends when the future is
/// dropped.
pub(super) async fn run(
    mut command: Command,
    lines: impl Fn(Stream, &[u8]) + Send + Sync + 'static,
) -> io::Result<ExitStatus> {
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (silent, silence) = mpsc::channel::<()>();
    let lines = Arc::new(lines);
    if let Some(stdout) = child.stdout.take() {
        hand_on(stdout, Stream::Stdout, Arc::clone(&lines), silent.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        hand_on(stderr, Stream::Stderr, lines, silent);
    }
    let (mut group, ended) = Group::of(child, silence);
    // The thread always answers.
    let status = ended
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
    group.pid = None;
    status
}

fn hand_on(
    stream: impl Read + Send + 'static,
    name: Stream,
    lines: Arc<impl Fn(Stream, &[u8]) + Send + Sync + 'static>,
    open: mpsc::Sender<()>,
) {
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            if line.last() != Some(&b'\n') {
                line.push(b'\n');
            }
            lines(name, &line);
            line.clear();
        }
        drop(open);
    });
}

/// A process with all that it has started.
struct Group {
    /// None once it has ended.
    pid: Option<Pid>,
    gone: mpsc::Receiver<()>,
}

impl Group {
    /// The child's group, and its end.
    fn of(
        mut child: Child,
        silence: mpsc::Receiver<()>,
    ) -> (Self, oneshot::Receiver<io::Result<ExitStatus>>) {
        let pid = Pid::from_child(&child);
        let (end, ended) = oneshot::channel();
        let (leaving, gone) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            let status = child.wait();
            drop(leaving);
            // It never is sent anything; it ends when both streams have.
            let _ = silence.recv_timeout(LAST_WORDS);
            let _ = end.send(status);
        });
        let group = Self {
            pid: Some(pid),
            gone,
        };
        (group, ended)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(pid) = self.pid else { return };
        // What is gone cannot be ended.
        let _ = kill_process_group(pid, Signal::TERM);
        let _ = self.gone.recv_timeout(GOODBYE);
        let _ = kill_process_group(pid, Signal::KILL);
    }
}
