//! The runtime's own messages: `tracing` to the terminal.

use std::{fmt, io};

use owo_colors::Style;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::format::{self, Compact, Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::args::{LogFormat, OutputArgs};
use crate::failure::Failure;
use crate::printer::{Printer, Stream};
use crate::report::Report;

/// Libraries whose warnings are nobody's business: that a watched folder is
/// gone is one for `notify`, and usual here.
const QUIET: &str = "notify=error";

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
        0 => format!("{level},{QUIET}"),
        1 => format!("warn,fastlike_runtime=info,fastlike_geo=info,{QUIET}"),
        2 => format!("info,fastlike_runtime=debug,fastlike_geo=debug,{QUIET}"),
        _ => "trace".to_owned(),
    };
    let wrong = |error: ParseError| {
        Failure::new(format!("FASTLIKE_LOG: {error}")).help("write it as `fastlike_runtime=debug`")
    };
    let filter = EnvFilter::try_new(directives.unwrap_or(&level)).map_err(wrong)?;
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
        LogFormat::Human if args.verbose < 2 => {
            subscriber.event_format(LevelFirst::new()).try_init()
        }
        LogFormat::Human => subscriber.try_init(),
    };
    Ok(())
}

/// The level and the message, in the form of `report`'s own lines: without the
/// blanks that would put short levels below each other.
struct LevelFirst(Format<Compact, ()>);

impl LevelFirst {
    fn new() -> Self {
        let rest = format::format().compact().without_time();
        Self(rest.with_target(false).with_level(false))
    }
}

impl<S, N> FormatEvent<S, N> for LevelFirst
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        if writer.has_ansi_escapes() {
            write!(writer, "{} ", style(level).style(level))?;
        } else {
            write!(writer, "{level} ")?;
        }
        self.0.format_event(context, writer, event)
    }
}

fn style(level: Level) -> Style {
    match level {
        Level::ERROR => Style::new().red(),
        Level::WARN => Style::new().yellow(),
        Level::INFO => Style::new().green(),
        _ => Style::new().blue(),
    }
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
