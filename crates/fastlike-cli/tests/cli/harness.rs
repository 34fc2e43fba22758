//! Runs the command and talks to what it serves.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::Instant;

use parking_lot::Mutex;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// This folder, where the guests are.
pub(crate) fn guest(name: &str) -> String {
    here().join(name).display().to_string()
}

pub(crate) fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli")
}

/// The workspace's folder.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where `cargo xtask guests` puts what it builds.
pub(crate) fn targets() -> PathBuf {
    match std::env::var_os("FASTLIKE_GUESTS") {
        Some(guests) => Path::new(&guests).join(".."),
        None => workspace().join("target/guests"),
    }
}

/// The command with an environment that is the same everywhere.
pub(crate) fn fastlike(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fastlike"));
    command.args(args).stdin(Stdio::null());
    for name in [
        "FASTLIKE_ADMIN_TOKEN",
        "FASTLIKE_LOG",
        "CLICOLOR_FORCE",
        "COLUMNS",
    ] {
        command.env_remove(name);
    }
    // Tests share compiled guests, and leave the user's alone.
    command.env(
        "XDG_CACHE_HOME",
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"),
    );
    command
}

/// What a command that ended has left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the command to its end.
pub(crate) fn run(args: &[&str]) -> Ended {
    run_command(&mut fastlike(args))
}

pub(crate) fn run_command(command: &mut Command) -> Ended {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    let stdout = read(child.stdout.take().expect("piped"));
    let stderr = read(child.stderr.take().expect("piped"));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("it does not end: {command:?}");
        }
        pause();
    };
    Ended {
        code: status.code(),
        stdout: stdout.join().expect("a thread"),
        stderr: stderr.join().expect("a thread"),
    }
}

/// All that comes.
pub(crate) fn text(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("a response");
    text
}

/// An origin that answers one request with 201 and "held", when it is told to.
pub(crate) struct HeldOrigin {
    pub(crate) address: SocketAddr,
    asked: mpsc::Receiver<()>,
    go_on: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl HeldOrigin {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (asked, is_asked) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut head = [0; 1024];
            assert!(stream.read(&mut head).is_ok_and(|read| read > 0));
            asked.send(()).expect("the test");
            // A test that is over wants no answer.
            if goes_on.recv().is_ok() {
                let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 4\r\n\r\nheld";
                stream.write_all(answer).expect("written");
            }
        });
        Self {
            address,
            asked: is_asked,
            go_on,
            thread,
        }
    }

    /// Waits until it is asked.
    pub(crate) fn asked(&self) {
        self.asked.recv_timeout(PATIENCE).expect("a request");
    }

    pub(crate) fn answer(self) {
        self.go_on.send(()).expect("the origin");
        self.thread.join().expect("the origin");
    }
}

/// A port that nobody listens on, and nobody can while the socket is there.
pub(crate) fn closed_port() -> (SocketAddr, tokio::net::TcpSocket) {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(any).expect("a port");
    (socket.local_addr().expect("an address"), socket)
}

/// A command that serves.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
}

impl Server {
    /// Starts the command on a free port, and waits until it listens.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut all = vec!["--bind", "127.0.0.1:0"];
        all.splice(0..0, args.iter().copied());
        Self::start_command(&mut fastlike(&all))
    }

    pub(crate) fn start_command(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let stdout = collect(child.stdout.take().expect("piped"));
        let stderr = collect(child.stderr.take().expect("piped"));
        let begun = Instant::now();
        let address = loop {
            if let Some(address) = listening(&stdout.lock()) {
                break address;
            }
            let ended = child.try_wait().expect("a child").is_some();
            if ended || begun.elapsed() > PATIENCE {
                let _ = child.kill();
                panic!("it does not listen:\n{}\n{}", stdout.lock(), stderr.lock());
            }
            pause();
        };
        Self {
            child,
            address,
            stdout,
            stderr,
        }
    }

    /// The whole response to a GET, as text.
    pub(crate) fn get(&self, path: &str) -> String {
        text(self.send(path))
    }

    /// Sends a GET; the response can be read from what is returned.
    pub(crate) fn send(&self, path: &str) -> TcpStream {
        self.send_with(path, "")
    }

    /// As [`Server::send`] with more header lines.
    pub(crate) fn send_with(&self, path: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("it accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n{headers}\r\n"
        )
        .expect("writable");
        stream
    }

    /// Waits until the standard output has a line with `text`, and returns
    /// the line.
    pub(crate) fn stdout_line(&self, text: &str) -> String {
        line(&self.stdout, text)
    }

    pub(crate) fn stderr_line(&self, text: &str) -> String {
        line(&self.stderr, text)
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.lock().clone()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().clone()
    }

    /// Waits until `count` lines of both outputs have `text` in them.
    pub(crate) fn lines(&self, text: &str, count: usize) {
        let begun = Instant::now();
        let there = || {
            let (stdout, stderr) = (self.stdout(), self.stderr());
            let lines = stdout.lines().chain(stderr.lines());
            lines.filter(|line| line.contains(text)).count()
        };
        while there() < count {
            assert!(
                begun.elapsed() < PATIENCE,
                "no {count} lines with {text:?}:\n{}\n{}",
                self.stdout(),
                self.stderr()
            );
            pause();
        }
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until something is so.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            assert!(
                begun.elapsed() < PATIENCE,
                "not yet: {what}: {}",
                self.stdout()
            );
            pause();
        }
    }

    /// Sends a signal by its name.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{name}");
    }

    /// Interrupts it, if it has not ended, and waits for its end.
    pub(crate) fn interrupt(&mut self) {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-INT", &id]).status();
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < PATIENCE {
            pause();
        }
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }
}

/// Writes a file at once, by way of a new one of this path.
pub(crate) fn replace(path: &Path, new: &Path, content: &str) {
    std::fs::write(new, content).expect("written");
    std::fs::rename(new, path).expect("renamed");
}

/// The command as it is started where the end of the terminal is not ignored:
/// whoever runs the tests may ignore it.
pub(crate) fn heeding_hangups(command: &Command) -> Command {
    let mut env = Command::new("env");
    env.arg("--default-signal=HUP")
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => env.env(name, value),
            None => env.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        env.current_dir(folder);
    }
    env
}

/// Waits until a process has ended.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        if begun.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("it does not end");
        }
        pause();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("text");
        text
    })
}

/// The address in "Listening on http://…", or in JSON's `"url":"http://…"`.
fn listening(stdout: &str) -> Option<SocketAddr> {
    // Whole lines only: the last one may still be on its way.
    let (whole, _) = stdout.rsplit_once('\n')?;
    let line = whole.lines().find(|line| line.contains("istening"))?;
    let url = line
        .split_once("http://")
        .or_else(|| line.split_once("https://"))?
        .1;
    let end = url.find('"').unwrap_or(url.len());
    url.get(..end)?.trim_end().parse().ok()
}

fn collect(stream: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&text);
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        while stream.read_line(&mut line).is_ok_and(|read| read > 0) {
            shared.lock().push_str(&line);
            line.clear();
        }
    });
    text
}

fn line(text: &Mutex<String>, wanted: &str) -> String {
    let begun = Instant::now();
    loop {
        let found = text
            .lock()
            .lines()
            .find(|line| line.contains(wanted))
            .map(str::to_owned);
        if let Some(line) = found {
            return line;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "no line with {wanted:?}:\n{}",
            text.lock()
        );
        pause();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test that watches another process has nothing to await"
)]
pub(crate) fn pause_for(duration: Duration) {
    std::thread::sleep(duration);
}

fn pause() {
    pause_for(Duration::from_millis(10));
}
