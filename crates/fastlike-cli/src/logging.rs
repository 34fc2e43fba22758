//! The runtime's own messages: `tracing` to the terminal.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;

use crate::args::{LogFormat, OutputArgs};
use crate::failure::Failure;
use crate::printer::{Printer, Stream};
use crate::report::Report;

/// Directs `tracing` to where `report` prints: what is of this `level` or
/// more, and with each `-v` more. `directives` (the variable `FASTLIKE_LOG`, in
/// the form that `tracing` users know) wins over both.
pub(crate) fn start(
    report: &Report,
    args: &OutputArgs,
    level: &str,
    directives: Option<&str>,
) -> Result<(), Failure> {
    let level = match args.verbose {
        0 => level,
        1 => "warn,fastlike_runtime=info,fastlike_geo=info",
        2 => "info,fastlike_runtime=debug,fastlike_geo=debug",
        _ => "trace",
    };
    let wrong = |error: ParseError| {
        Failure::new(format!("FASTLIKE_LOG: {error}")).help("write it as `fastlike_runtime=debug`")
    };
    let filter = EnvFilter::try_new(directives.unwrap_or(level)).map_err(wrong)?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(report.styled())
        .with_writer(Lines(report.printer().clone(), report.own()));
    // Only a second call could fail, and there is none.
    let _ = match args.log_format {
        LogFormat::Json => subscriber
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .try_init(),
        LogFormat::Human if args.verbose < 2 => subscriber
            .without_time()
            .with_target(false)
            .compact()
            .try_init(),
        LogFormat::Human => subscriber.try_init(),
    };
    Ok(())
}

/// Hands each event, which `tracing` writes in one piece, to the printer.
struct Lines(Printer, Stream);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl io::Write for &Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.print(self.1, bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
