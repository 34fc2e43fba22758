//! The listener, and what is built for it.

use std::io;
use std::net::SocketAddr;

use fastlike_runtime::{Builder, Current, Fastlike, ServeOptions, StartError};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::signals::Signals;
use crate::args::OutputArgs;
use crate::failure::Failure;
use crate::printer::Stream;
use crate::report::{GuestOutput, Report};

/// Takes the first of the addresses that is free. `typed` is what the user
/// wrote.
pub(super) async fn bind(
    typed: &str,
    addresses: &[SocketAddr],
) -> Result<(TcpListener, SocketAddr), Failure> {
    let bound = async {
        let listener = TcpListener::bind(addresses).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound.await.map_err(|error: io::Error| {
        let help = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another program listens there: stop it, or take another port (`--bind 127.0.0.1:0` takes a free one)"
            }
            io::ErrorKind::PermissionDenied => "ports below 1024 need privileges: take a higher one",
            io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
            _ => "write HOST:PORT, as 127.0.0.1:7676",
        };
        let error = anyhow::Error::new(error).context(format!("cannot listen on `{typed}`"));
        Failure::Error { error, help: Some(help.to_owned()) }
    })
}

/// Lets a service print to the terminal.
pub(super) fn with_output(builder: Builder, report: &Report, args: &OutputArgs) -> Builder {
    builder
        .observer(report.clone())
        .log_sink(report.clone())
        .stdout(GuestOutput::new(report, Stream::Stdout, args.log_stdout))
        .stderr(GuestOutput::new(report, Stream::Stderr, args.log_stderr))
}

/// Compiles the program, and says how to mend what is wrong with it.
pub(super) async fn build(builder: Builder) -> Result<Fastlike, Failure> {
    builder.build().await.map_err(|error| {
        let help = match &error {
            StartError::Read { path, source } if source.kind() == io::ErrorKind::NotFound => {
                Some(match path.extension() {
                    Some(_) => {
                        "build the program first; the official CLI writes it to bin/main.wasm"
                    }
                    None => "name a .wasm file, or a command: serve, run, dev, demo or completions",
                })
            }
            StartError::Read { source, .. } if source.kind() == io::ErrorKind::IsADirectory => {
                Some("name the .wasm file in it; `fastlike dev` builds and serves a project's folder")
            }
            StartError::NotWasm { .. } => {
                Some("name the compiled program: a .wasm file, or a .wat file with its text")
            }
            StartError::UnknownImports { .. } => Some(
                "build the program with an SDK of the Compute platform, for wasm32-wasip1; \
                     `--unknown-import-behavior trap` serves it as it is",
            ),
            _ => None,
        };
        let failure = Failure::from(error);
        match help {
            Some(help) => failure.help(help),
            None => failure,
        }
    })
}

/// Serves until a signal asks for the end, then lets the requests that run
/// finish.
pub(super) async fn serve(
    current: &Current,
    listener: TcpListener,
    options: ServeOptions,
    report: &Report,
    signals: Signals,
) -> Result<(), Failure> {
    let beside = std::future::ready(());
    serve_beside(current, listener, options, report, signals, beside).await
}

/// As [`serve`], with something else to do meanwhile, which ends with the
/// first signal.
pub(super) async fn serve_beside(
    current: &Current,
    listener: TcpListener,
    options: ServeOptions,
    report: &Report,
    signals: Signals,
    beside: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let (stop, mut stopped) = oneshot::channel::<()>();
    let report = report.clone();
    let shutdown = async move {
        signals.first(report).await;
        drop(stop);
    };
    let beside = async move {
        tokio::select! {
            () = beside => {}
            _ = &mut stopped => {}
        }
    };
    let (served, ()) = tokio::join!(current.serve_with(listener, options, shutdown), beside);
    Ok(served?)
}
