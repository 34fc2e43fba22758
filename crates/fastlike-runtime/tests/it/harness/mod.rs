//! Serves a guest to a test: `Test::guest("hello").get("/").await`.
//!
//! A [`Test`] is a guest with its world, [`Running`] is the same built, and
//! [`Answer`] what a client got. Everything that the guest and the runtime
//! report meanwhile is in [`Seen`].

mod body;
mod guests;
pub(crate) mod http2;
mod logs;
mod origin;
mod peer;
mod pushpin;
mod script;
mod seen;
mod server;
mod soon;
pub(crate) mod tls;
pub(crate) mod wat;

use bytes::Bytes;
use fastlike_runtime::{
    Backend, Body, Builder, ConnInfo, Fastlike, Guest, Limits, ServeOptions, StartError,
};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;

pub(crate) use body::{channel, frame, text_of};
pub(crate) use guests::guest_file;
use guests::is_skipped;
pub(crate) use http2::{H2, RawH2};
pub(crate) use logs::Logs;
pub(crate) use origin::{ByHand, answering, closed_port, failing, origin_at, raw_origin};
pub(crate) use peer::{Peer, read_head};
pub(crate) use pushpin::{Ports, Pushpin};
pub(crate) use script::script;
pub(crate) use seen::Seen;
pub(crate) use server::{Server, Wire};
pub(crate) use soon::soon;

/// A guest and its world, not built yet.
pub(crate) struct Test {
    builder: Builder,
    seen: Seen,
}

impl Test {
    /// A guest of `testdata`, built by `cargo xtask guests`.
    pub(crate) fn guest(name: &str) -> Self {
        Self::of(Guest::file(guest_file(name)))
    }

    /// A guest that some machines cannot build (no npm, say): `None` where
    /// `cargo xtask test` has said so. Never in CI.
    pub(crate) fn guest_if_built(name: &str) -> Option<Self> {
        (!is_skipped(name)).then(|| Self::guest(name))
    }

    /// A guest in wasm text.
    pub(crate) fn wat(text: impl Into<String>) -> Self {
        Self::of(Guest::bytes("test.wat", text.into()))
    }

    fn of(guest: Guest) -> Self {
        logs::gather();
        let seen = Seen::default();
        let builder = Fastlike::builder(guest)
            .compile_cache(guests::compile_cache())
            .limits(limits(|_| {}))
            // So that a test that fails says what its guest said.
            .backtraces_in_responses(true)
            .log_sink(seen.log_sink())
            .stdout(seen.stdout())
            .stderr(seen.stderr())
            .observer(seen.observer());
        Self { builder, seen }
    }

    /// A backend that the guest can send to.
    pub(crate) fn backend(self, name: &str, backend: impl Backend) -> Self {
        self.with(|builder| builder.backend(name, backend))
    }

    /// A config store or dictionary.
    pub(crate) fn config_store(self, name: &str, entries: &[(&str, &str)]) -> Self {
        self.with(|builder| builder.config_store(name, entries.iter().copied()))
    }

    /// The limits of tests, changed by `change`.
    pub(crate) fn limits(self, change: impl FnOnce(&mut Limits)) -> Self {
        self.with(|builder| builder.limits(limits(change)))
    }

    /// Any other setting.
    pub(crate) fn with(mut self, set: impl FnOnce(Builder) -> Builder) -> Self {
        self.builder = set(self.builder);
        self
    }

    /// Compiles the guest and is ready for requests.
    pub(crate) async fn start(self) -> Running {
        let seen = self.seen.clone();
        match self.build().await {
            Ok(fastlike) => Running { fastlike, seen },
            Err(error) => panic!("{error}"),
        }
    }

    /// Compiles the guest, or says why it cannot be served.
    pub(crate) async fn build(self) -> Result<Fastlike, StartError> {
        self.builder.build().await
    }

    /// Starts, and answers one GET.
    pub(crate) async fn get(self, target: &str) -> Answer {
        self.start().await.get(target).await
    }

    /// Starts, and answers one request.
    pub(crate) async fn send(self, request: Request<impl Into<Body>>) -> Answer {
        self.start().await.send(request).await
    }
}

/// Limits that suit a small machine which runs several tests at a time.
fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    limits.pool_slots = 8;
    change(&mut limits);
    limits
}

/// A guest that is served.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) fastlike: Fastlike,
    pub(crate) seen: Seen,
}

impl Running {
    /// The answer to a GET from 192.0.2.7.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send(get(target)).await
    }

    /// The whole answer to a request from 192.0.2.7.
    pub(crate) async fn send(&self, request: Request<impl Into<Body>>) -> Answer {
        let response = self.begin(request).await;
        let mut answer = Answer::of(response).await;
        answer.stderr = self.seen.stderr_lines();
        answer
    }

    /// The answer as soon as its head is there.
    pub(crate) async fn begin(&self, request: Request<impl Into<Body>>) -> Response<Body> {
        let request = request.map(Into::into);
        soon("a response", self.fastlike.handle(request, &client())).await
    }

    /// Serves on a port of its own until the server is dropped.
    pub(crate) async fn serve(&self) -> Server {
        self.serve_with(ServeOptions::new()).await
    }

    /// The same, with other than the usual options.
    pub(crate) async fn serve_with(&self, options: ServeOptions) -> Server {
        Server::start(self.fastlike.clone(), options).await
    }
}

/// A client at 192.0.2.7 (RFC 5737), which connected to 198.51.100.1:80.
pub(crate) fn client() -> ConnInfo {
    let address = |text: &str| text.parse().expect("an address");
    ConnInfo::new(address("192.0.2.7:50000"), Some(address("198.51.100.1:80")))
}

/// `GET target` of `www.example`.
pub(crate) fn get(target: &str) -> Request<Body> {
    request("GET", target, "")
}

/// A request to `www.example`.
pub(crate) fn request(method: &str, target: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder()
        .method(method)
        .uri(target)
        .header("host", "www.example");
    request.body(body.into()).expect("a valid request")
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: HeaderMap,
    /// The body ended early.
    pub(crate) truncated: bool,
    /// What the guest wrote to standard error, such as why it panicked.
    stderr: Vec<String>,
}

impl Answer {
    pub(crate) async fn of(response: Response<Body>) -> Self {
        let (head, mut body) = response.into_parts();
        let (mut content, mut trailers, mut truncated) = (Vec::new(), HeaderMap::new(), false);
        while let Some(frame) = soon("the rest of a response", body.frame()).await {
            match frame.map(http_body::Frame::into_data) {
                Ok(Ok(data)) => content.extend_from_slice(&data),
                Ok(Err(frame)) => trailers.extend(frame.into_trailers().unwrap_or_default()),
                Err(_) => {
                    truncated = true;
                    break;
                }
            }
        }
        Self {
            status: head.status,
            headers: head.headers,
            body: content.into(),
            trailers,
            truncated,
            stderr: Vec::new(),
        }
    }

    /// The body as text; panics unless the answer is a complete 200.
    #[track_caller]
    pub(crate) fn ok(&self) -> &str {
        let text = self.text();
        assert_eq!(
            self.status,
            StatusCode::OK,
            "{text}\n{}",
            self.stderr.join("\n")
        );
        assert!(!self.truncated, "the body is truncated");
        text
    }

    /// The body as text, whatever the status.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    /// The value of a header; empty if it is absent.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    /// The value in a line `name: value` of the body.
    #[track_caller]
    pub(crate) fn line(&self, name: &str) -> &str {
        let prefix = format!("{name}: ");
        let found = self
            .ok()
            .lines()
            .find_map(|line| line.strip_prefix(&prefix));
        found.unwrap_or_else(|| panic!("no line {name:?} in:\n{}", self.text()))
    }
}
