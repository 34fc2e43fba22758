//! `fastlike demo`: a program and its origin, both built in.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use fastlike_runtime::{Body, Fastlike, Guest, LocalGeo, ServeOptions, backend_fn};
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;

use super::listen;
use super::signals::Signals;
use crate::args::DemoArgs;
use crate::failure::Failure;
use crate::plan::{self, Environment};

/// `testdata/guests/src/bin/demo.rs`, compiled.
const GUEST: &[u8] = include_bytes!("../../demo/demo.wasm");

/// The origin's page; `{request}` and `{headers}` are filled in.
const PAGE: &str = include_str!("../../demo/origin.html");

pub(super) fn run(args: DemoArgs, environment: &Environment) -> Result<(), Failure> {
    let addresses = plan::addresses(&args.listen.bind)?;
    let compile_cache = plan::compile_cache(&args.compilation, environment);
    // What this program could do and does not need is no news here.
    let report = super::report(&args.output, "error", environment)?;
    let report = &report;
    super::block_on(report, async move {
        let (listener, address) = listen::bind(&args.listen.bind, &addresses).await?;
        let mut builder = Fastlike::builder(Guest::bytes("demo.wasm", GUEST.to_vec()))
            .backend("origin", backend_fn(origin))
            .geo(LocalGeo)
            .backtraces_in_responses(address.ip().is_loopback());
        if let Some(directory) = compile_cache {
            builder = builder.compile_cache(directory);
        }
        let builder = listen::with_output(builder, report, &args.output);
        let fastlike = listen::build(builder).await?;
        report.loaded(fastlike.summary());
        report.backend("origin", "a function in this process");
        // Who reads that it listens may end it.
        let signals = Signals::new()?;
        report.listening(address, false);
        report.hint(&format!(
            "a page made by the program:      http://{address}/"
        ));
        report.hint(&format!(
            "a page proxied from its origin:  http://{address}/origin/"
        ));
        report.hint(&format!(
            "the same, streamed line by line: http://{address}/origin/slow"
        ));
        let options = ServeOptions::new();
        listen::serve(&fastlike.into(), listener, options, report, signals).await
    })
}

/// The origin: shows what it was asked, or counts slowly.
async fn origin(request: Request<Body>) -> Result<Response<Body>, http::Error> {
    let answer = Response::builder().header(CACHE_CONTROL, "no-store");
    if request.uri().path() == "/slow" {
        return answer
            .header(CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(slow());
    }
    let line = format!("{} {}", request.method(), request.uri().path());
    let page = PAGE
        .replace("{request}", &escape(&line))
        .replace("{headers}", &rows(request.headers()));
    answer
        .header(CONTENT_TYPE, "text/html; charset=utf-8")
        .body(Body::from(page))
}

/// Ten lines, one each 300 ms: nothing between here and the client waits for
/// the end.
fn slow() -> Body {
    let lines = stream::unfold(1, |n| async move {
        if n > 10 {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let line = Bytes::from(format!("line {n} of 10, as soon as the origin wrote it\n"));
        Some((Ok::<_, Infallible>(Frame::data(line)), n + 1))
    });
    Body::wrap(StreamBody::new(Box::pin(lines)))
}

fn rows(headers: &HeaderMap) -> String {
    let mut rows = String::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let _ = writeln!(rows, "<tr><th>{name}<td>{}", escape(&value));
    }
    rows
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
