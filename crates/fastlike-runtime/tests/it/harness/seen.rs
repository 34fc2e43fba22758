//! What a guest and the runtime report while a test runs.

use std::sync::Arc;

use fastlike_runtime::{LogSink, Observer, OutputSink, RequestReport};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::soon;

/// Log lines, output and reports of one service. Clones share them.
#[derive(Clone)]
pub(crate) struct Seen(Arc<Inner>);

struct Inner {
    logged: Mutex<Vec<(String, Vec<u8>)>>,
    stdout: Mutex<Vec<String>>,
    stderr: Mutex<Vec<String>>,
    reports: mpsc::UnboundedSender<RequestReport>,
    reported: tokio::sync::Mutex<mpsc::UnboundedReceiver<RequestReport>>,
}

impl Default for Seen {
    fn default() -> Self {
        let (reports, reported) = mpsc::unbounded_channel();
        Self(Arc::new(Inner {
            logged: Mutex::default(),
            stdout: Mutex::default(),
            stderr: Mutex::default(),
            reports,
            reported: tokio::sync::Mutex::new(reported),
        }))
    }
}

impl Seen {
    /// The report of the next run that ends.
    pub(crate) async fn report(&self) -> RequestReport {
        let mut reported = self.0.reported.lock().await;
        soon("a report", reported.recv())
            .await
            .expect("the sender lives as long")
    }

    /// What the guest wrote to log endpoints: endpoint and line, in order.
    pub(crate) fn logged(&self) -> Vec<(String, Vec<u8>)> {
        self.0.logged.lock().clone()
    }

    /// Lines of the guest's standard output.
    pub(crate) fn stdout_lines(&self) -> Vec<String> {
        self.0.stdout.lock().clone()
    }

    /// Lines of the guest's standard error.
    pub(crate) fn stderr_lines(&self) -> Vec<String> {
        self.0.stderr.lock().clone()
    }

    pub(super) fn log_sink(&self) -> impl LogSink + use<> {
        let inner = Arc::clone(&self.0);
        move |endpoint: &str, line: &[u8]| {
            inner
                .logged
                .lock()
                .push((endpoint.to_owned(), line.to_vec()))
        }
    }

    pub(super) fn stdout(&self) -> impl OutputSink + use<> {
        let inner = Arc::clone(&self.0);
        move |line: &[u8]| {
            inner
                .stdout
                .lock()
                .push(String::from_utf8_lossy(line).into_owned())
        }
    }

    pub(super) fn stderr(&self) -> impl OutputSink + use<> {
        let inner = Arc::clone(&self.0);
        move |line: &[u8]| {
            inner
                .stderr
                .lock()
                .push(String::from_utf8_lossy(line).into_owned())
        }
    }

    pub(super) fn observer(&self) -> impl Observer + use<> {
        let inner = Arc::clone(&self.0);
        move |report: &RequestReport| drop(inner.reports.send(report.clone()))
    }
}
