//! A program run as a command: once, with arguments, and its exit code told.
//! This is how a program's tests run.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::HOST;
use http::{HeaderValue, Uri};
use http_body_util::BodyExt as _;

use crate::fastlike::Fastlike;
use crate::guest::Guest as Running;
use crate::observe::Outcome;
use crate::output::GuestStream;
use crate::run::Ended;
use crate::sandbox::{Sandbox, Stdio};
use crate::session::{ClientRequest, OriginalHeaders, ResponseSlot, Session};

/// The address that the request of a run is for.
const URL: &str = "http://example.com/";

/// How a program is run by [`Fastlike::run`]: its arguments, and where its
/// output goes.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use fastlike_runtime::{Fastlike, Invocation, Limits};
///
/// let mut limits = Limits::default();
/// // Tests may take long.
/// (limits.cpu, limits.wall) = (Duration::MAX, Duration::MAX);
/// let tests = Fastlike::builder("tests.wasm").limits(limits).build().await?;
/// let invocation = Invocation::new(["tests.wasm", "--nocapture"])
///     .stdout(std::io::stdout())
///     .stderr(std::io::stderr());
/// let ran = tests.run(invocation).await;
/// std::process::exit(ran.exit_code().unwrap_or(134));
/// # }
/// ```
pub struct Invocation {
    args: Vec<String>,
    stdout: Option<GuestStream>,
    stderr: Option<GuestStream>,
}

impl Invocation {
    /// A run with these arguments. The first one is the program's name, as
    /// everywhere.
    pub fn new(args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            args: args.into_iter().map(Into::into).collect(),
            stdout: None,
            stderr: None,
        }
    }

    /// Where the program's standard output goes, byte for byte. Without this,
    /// line by line to [`Builder::stdout`](crate::Builder::stdout).
    ///
    /// Each write of the program is one call of `write_all` and one of
    /// `flush`, and the program waits for them, so that the order of what it
    /// writes here and to its standard error is kept. An error of either call
    /// is one of the program's write.
    pub fn stdout(mut self, sink: impl Write + Send + 'static) -> Self {
        self.stdout = Some(GuestStream::raw(sink));
        self
    }

    /// Where the program's standard error goes, as [`Invocation::stdout`].
    pub fn stderr(mut self, sink: impl Write + Send + 'static) -> Self {
        self.stderr = Some(GuestStream::raw(sink));
        self
    }

    /// Whether the program is told that its standard output and its standard
    /// error are terminals, of those that have a place of their own by now. It
    /// may print colours, then.
    pub fn on_terminal(mut self, stdout: bool, stderr: bool) -> Self {
        self.stdout = self.stdout.map(|stream| stream.on_terminal(stdout));
        self.stderr = self.stderr.map(|stream| stream.on_terminal(stderr));
        self
    }
}

/// How a run of [`Fastlike::run`] ended, and what it cost.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Invoked {
    /// How the run ended.
    pub outcome: Outcome,
    /// The wasm backtrace of a fault.
    pub backtrace: Option<String>,
    /// CPU time of the guest.
    pub cpu: Duration,
    /// Most bytes of linear memory that the guest had.
    pub heap_peak: u64,
}

impl Invoked {
    /// The program's own exit code, 0 if it returned; none if it was ended
    /// otherwise, as by a trap or a limit.
    pub fn exit_code(&self) -> Option<i32> {
        match self.outcome {
            Outcome::Finished => Some(0),
            Outcome::Exited(code) => Some(code),
            _ => None,
        }
    }
}

impl Fastlike {
    /// Runs the program once, as a command, and says how it ended.
    ///
    /// It finds what it finds when it answers requests: backends, stores,
    /// environment, limits ([`Limits::cpu`](crate::Limits::cpu) and
    /// [`Limits::wall`](crate::Limits::wall) too, which are short for a run
    /// of tests). Its client's request is one that nobody sent, `GET
    /// http://example.com/` from 127.0.0.1; an answer to it is read to its
    /// end and dropped, and no further request comes. Its standard input is
    /// empty, as on the platform.
    ///
    /// Observers, who are told of requests, are not told of it. Dropping the
    /// future ends the run.
    pub async fn run(&self, invocation: Invocation) -> Invoked {
        let service = self.clone().into_service();
        let Some(permit) = service.pool.try_admit() else {
            return Invoked::of(Outcome::Refused.into(), Duration::ZERO, 0);
        };
        let client = nobody(service.requests.next());
        let (slot, response) = ResponseSlot::new();
        let world = Arc::clone(&service.world);
        let session = match Session::new(world, Arc::default(), client, slot) {
            Ok(session) => session,
            Err(error) => {
                let outcome = Outcome::NotStarted(error.to_string());
                return Invoked::of(outcome.into(), Duration::ZERO, 0);
            }
        };
        session.handoff.seal();
        let stdio = Stdio {
            args: invocation.args,
            stdout: invocation.stdout,
            stderr: invocation.stderr,
        };
        let guest = Running::new(service, permit, Sandbox::with(session, stdio));
        let meter = Arc::clone(&guest.meter);
        // A program that streams its answer waits for its reader.
        let reader = async {
            if let Ok(response) = response.await {
                let mut body = response.into_body();
                while body.frame().await.is_some_and(|frame| frame.is_ok()) {}
            }
            std::future::pending().await
        };
        let ended = tokio::select! {
            biased;
            ended = guest => ended,
            never = reader => never,
        };
        Invoked::of(ended, meter.cpu(), meter.heap_peak())
    }
}

impl Invoked {
    fn of(ended: Ended, cpu: Duration, heap_peak: u64) -> Self {
        Self {
            outcome: ended.outcome,
            backtrace: ended.backtrace,
            cpu,
            heap_peak,
        }
    }
}

/// The request that a program finds that nobody asked.
fn nobody(request_id: String) -> ClientRequest {
    let mut client = ClientRequest::nobody();
    client.parts.uri = Uri::from_static(URL);
    let host = HeaderValue::from_static("example.com");
    client.parts.headers.insert(HOST, host);
    if let Some(metadata) = Arc::get_mut(&mut client.metadata) {
        metadata.peer = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        metadata.local = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 80)));
        metadata.request_id = request_id;
        metadata.original_headers = OriginalHeaders::Names(vec![HOST]);
    }
    client
}

impl std::fmt::Debug for Invocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invocation")
            .field("args", &self.args)
            .finish_non_exhaustive()
    }
}
