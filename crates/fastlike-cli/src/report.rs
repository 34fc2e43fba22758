//! What is printed while a program is served.

mod admin;
mod reloading;

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use annotate_snippets::Level;
use fastlike_runtime::manifest::Warning;
use fastlike_runtime::{Invoked, LogSink, Observer, Outcome, OutputSink, RequestReport, Summary};
use owo_colors::Style;
use serde_json::{Value, json};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use crate::args::{LogFormat, OutputArgs};
use crate::printer::{Printer, Stream};
use crate::units::{show_duration, show_size};
use crate::{backtrace, failure};

/// Prints, for people or for programs. Clones print to the same place.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    printer: Printer,
    /// Where its own lines go.
    own: Stream,
    format: LogFormat,
    styled: bool,
    verbose: bool,
    quiet: bool,
}

impl Report {
    /// A report whose own lines go to `own`.
    pub(crate) fn new(printer: Printer, own: Stream, args: &OutputArgs) -> Self {
        let colors = match own {
            Stream::Stdout => anstream::AutoStream::choice(&std::io::stdout()),
            Stream::Stderr => anstream::AutoStream::choice(&std::io::stderr()),
        };
        Self {
            printer,
            own,
            format: args.log_format,
            styled: args.log_format == LogFormat::Human && colors != anstream::ColorChoice::Never,
            verbose: args.verbose > 0,
            quiet: args.quiet,
        }
    }

    pub(crate) fn printer(&self) -> &Printer {
        &self.printer
    }

    /// Where its own lines go.
    pub(crate) fn own(&self) -> Stream {
        self.own
    }

    /// Whether colours are wanted there.
    pub(crate) fn styled(&self) -> bool {
        self.styled
    }

    /// A remark on the manifest.
    pub(crate) fn manifest_warning(&self, warning: &Warning) {
        if self.format == LogFormat::Json {
            return self.json(
                "WARN",
                &warning.title(),
                json!({
                    "file": warning.file.display().to_string(),
                    "line": warning.line,
                    "column": warning.column,
                    "help": warning.help,
                }),
            );
        }
        let text = failure::render(Level::WARNING, warning, failure::styled());
        self.printer.print(Stream::Stderr, text.into_bytes());
    }

    /// A run of `fastlike run` did not end by itself.
    /// `whole`: with all that is in its backtrace.
    pub(crate) fn failed_run(&self, ran: &Invoked, whole: bool) {
        let what = fault(&ran.outcome).unwrap_or_default();
        let why = match &ran.outcome {
            Outcome::Trapped(why) => format!("{what}: {why}"),
            _ => what,
        };
        if self.format == LogFormat::Json {
            return self.json("ERROR", &why, json!({ "backtrace": ran.backtrace }));
        }
        let mut text = format!("error: {why}\n");
        match &ran.backtrace {
            Some(backtrace) if whole => text.push_str(backtrace),
            Some(backtrace) => text.push_str(&backtrace::shorten(backtrace)),
            None => {}
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        self.printer.print(Stream::Stderr, text.into_bytes());
    }

    /// Another remark.
    pub(crate) fn warning(&self, message: &str) {
        match self.format {
            LogFormat::Json => self.json("WARN", message, json!({})),
            LogFormat::Human => {
                let text = format!("warning: {message}\n");
                self.printer.print(Stream::Stderr, text.into_bytes());
            }
        }
    }

    /// What was loaded.
    pub(crate) fn loaded(&self, summary: &Summary) {
        match self.format {
            LogFormat::Json => self.json(
                "INFO",
                "loaded",
                json!({
                    "program": summary.guest,
                    "bytes": summary.bytes,
                    "load_ms": millis(summary.took),
                    "imports": summary.imports,
                }),
            ),
            LogFormat::Human => self.info(format_args!(
                "Loaded {} ({}, {} imports) in {}",
                self.paint(&summary.guest, Style::new().bold()),
                show_size(u64::try_from(summary.bytes).unwrap_or(u64::MAX)),
                summary.imports,
                show_duration(summary.took),
            )),
        }
    }

    /// Where a backend's requests go.
    pub(crate) fn backend(&self, name: &str, target: &str) {
        match self.format {
            LogFormat::Json => {
                self.json("INFO", "backend", json!({ "name": name, "target": target }));
            }
            LogFormat::Human => self.info(format_args!(
                "Backend {} is {target}",
                self.paint(name, Style::new().bold()),
            )),
        }
    }

    /// The listener accepts. The official tools look for these words in
    /// verbose output.
    pub(crate) fn listening(&self, address: SocketAddr, secure: bool) {
        let scheme = if secure { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        match self.format {
            LogFormat::Json => self.json("INFO", "listening", json!({ "url": url })),
            LogFormat::Human => self.info(format_args!("Listening on {url}")),
        }
    }

    /// The certificate that clients have to trust.
    pub(crate) fn made_certificate(&self, path: &Path, address: SocketAddr) {
        let path = path.display().to_string();
        match self.format {
            LogFormat::Json => self.json("INFO", "certificate", json!({ "path": path })),
            LogFormat::Human => {
                self.info(format_args!(
                    "The certificate is {path}: have clients trust it"
                ));
                let port = address.port();
                self.hint(&format!("curl --cacert {path} https://localhost:{port}/"));
            }
        }
    }

    /// Requests are profiled.
    pub(crate) fn profiling(&self, folder: &Path) {
        let folder = folder.display().to_string();
        match self.format {
            LogFormat::Json => self.json("INFO", "profiling", json!({ "path": folder })),
            LogFormat::Human => self.info(format_args!("Profiles of requests go to {folder}")),
        }
    }

    /// Something to try, for people only.
    pub(crate) fn hint(&self, text: &str) {
        if self.format == LogFormat::Human {
            self.info(format_args!("  {text}"));
        }
    }

    /// A signal asked for the end.
    pub(crate) fn stopping(&self) {
        match self.format {
            LogFormat::Json => self.json("INFO", "stopping", json!({})),
            LogFormat::Human => {
                self.info(format_args!("Stopping; once more to stop at once"));
            }
        }
    }

    fn info(&self, line: impl Display) {
        let level = if self.verbose { "INFO " } else { "" };
        self.line(self.own, format_args!("{level}{line}"));
    }

    fn line(&self, stream: Stream, line: impl Display) {
        self.printer.print(stream, format!("{line}\n").into_bytes());
    }

    fn json(&self, level: &str, message: &str, fields: Value) {
        self.line(self.own, object(level, message, fields));
    }

    fn paint(&self, text: &str, style: Style) -> String {
        if self.styled {
            style.style(text).to_string()
        } else {
            text.to_owned()
        }
    }

    fn status(&self, status: u16) -> String {
        let style = match status {
            0..300 => Style::new().green(),
            300..400 => Style::new().cyan(),
            400..500 => Style::new().yellow(),
            _ => Style::new().red(),
        };
        self.paint(&status.to_string(), style)
    }
}

impl Observer for Report {
    fn request(&self, report: &RequestReport) {
        if self.quiet {
            return;
        }
        let status = report.status.map(|status| status.as_u16());
        let fault = fault(&report.outcome);
        match self.format {
            LogFormat::Json => self.json(
                "INFO",
                "request",
                json!({
                    "request_id": report.request_id,
                    "method": report.method.as_str(),
                    "path": report.path,
                    "status": status,
                    "time_ms": millis(report.wall),
                    "cpu_ms": millis(report.cpu),
                    "heap": report.heap_peak,
                    "fault": fault,
                }),
            ),
            LogFormat::Human => {
                let status = status.map_or_else(|| "---".to_owned(), |status| self.status(status));
                let fault = fault.map(|fault| format!(": {fault}")).unwrap_or_default();
                self.info(format_args!(
                    "{} {} {status} in {} (cpu {}, heap {}){fault}",
                    report.method,
                    report.path,
                    show_duration(report.wall),
                    show_duration(report.cpu),
                    show_size(report.heap_peak),
                ));
            }
        }
    }
}

/// One object of a line, with what `tracing` writes, too: `timestamp`, `level`
/// and `message`.
fn object(level: &str, message: &str, fields: Value) -> Value {
    let mut timestamp = String::new();
    let _ = SystemTime.format_time(&mut Writer::new(&mut timestamp));
    let mut object = json!({ "timestamp": timestamp, "level": level, "message": message });
    if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
        object.extend(fields);
    }
    object
}

/// What was wrong with a run, if something was. Details of a trap are in the
/// log.
fn fault(outcome: &Outcome) -> Option<String> {
    Some(match outcome {
        Outcome::Finished => return None,
        Outcome::Exited(code) => format!("the program exited with {code}"),
        Outcome::Trapped(_) => "the program trapped".to_owned(),
        Outcome::CpuLimit => "the CPU time limit is used up".to_owned(),
        Outcome::WallLimit => "the time limit is used up".to_owned(),
        Outcome::Cancelled => "the client went away".to_owned(),
        Outcome::Refused => "no sandbox was free in time".to_owned(),
        Outcome::Looped => "the request came through this service before".to_owned(),
        Outcome::NotStarted(why) => format!("the program could not be started: {why}"),
        Outcome::Rejected(why) => format!("the program was not asked: {why}"),
        other => format!("{other:?}"),
    })
}

impl LogSink for Report {
    /// A message is one line, so its line breaks are written as `\n`.
    fn write(&self, endpoint: &str, line: &[u8]) {
        let message = String::from_utf8_lossy(line);
        match self.format {
            LogFormat::Json => self.json("INFO", &message, json!({ "endpoint": endpoint })),
            LogFormat::Human => {
                let message = message.replace('\n', "\\n");
                let endpoint = self.paint(endpoint, Style::new().dimmed());
                self.line(Stream::Stdout, format_args!("{endpoint} :: {message}"));
            }
        }
    }
}

/// What the program itself prints.
#[derive(Debug, Clone)]
pub(crate) struct GuestOutput {
    report: Report,
    stream: Stream,
    prefixed: bool,
}

impl GuestOutput {
    pub(crate) fn new(report: &Report, stream: Stream, prefixed: bool) -> Self {
        Self {
            report: report.clone(),
            stream,
            prefixed,
        }
    }

    fn name(&self) -> &'static str {
        match self.stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }
}

impl OutputSink for GuestOutput {
    fn line(&self, line: &[u8]) {
        // Who asks for lines only has nobody to tell.
        drop(self.try_line(line));
    }

    fn try_line(&self, line: &[u8]) -> io::Result<()> {
        let Report { printer, own, .. } = &self.report;
        if self.report.format == LogFormat::Json {
            let fields = json!({ "stream": self.name() });
            let object = object("INFO", &String::from_utf8_lossy(line), fields);
            return printer.try_print(*own, format!("{object}\n").into_bytes());
        }
        let prefix = if self.prefixed {
            format!("{} :: ", self.name())
        } else {
            String::new()
        };
        let line = [prefix.as_bytes(), line, b"\n"].concat();
        printer.try_print(self.stream, line)
    }
}

fn millis(duration: std::time::Duration) -> f64 {
    // Microseconds are precise enough, and short.
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
