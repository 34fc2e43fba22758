//! Where the lines of a guest's log endpoints go.
//!
//! A [`LogSink`] takes them all. [`LogEndpoints`] is one that knows endpoints
//! by name: each has a target and a queue of its own, which a task empties, so
//! that no guest waits for a slow one.

mod deliver;
mod endpoint;
mod endpoints;
mod line;
mod queue;
mod sinks;
mod time;

pub use endpoint::{HttpLog, LogEndpoint, LogFormat, LogTarget, SyslogLog, SyslogTransport};
pub(crate) use endpoints::check_target;
pub use endpoints::{LogEndpointError, LogEndpoints};
pub(crate) use line::without_end;
pub use queue::LogReport;

use crate::backend::BoxFuture;

/// A receiver of log lines.
///
/// Called from the threads that run guests: must be quick, so a slow
/// destination needs a queue of its own. Closures `Fn(&str, &[u8])` implement it.
pub trait LogSink: Send + Sync + 'static {
    /// One message that the guest wrote to `endpoint`. It is one line: what
    /// has line breaks in it must show them in another way, as `\n`.
    fn write(&self, endpoint: &str, message: &[u8]);

    /// Ends when everything that was written so far is where it should be, or
    /// is lost. Called when a server shuts down, which does not wait longer
    /// than [`Limits::drain`](crate::Limits::drain). Without this, at once.
    fn flush(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    /// What became of the lines of each endpoint that has a queue. Without
    /// this, there are none.
    fn reports(&self) -> Vec<LogReport> {
        Vec::new()
    }
}

impl<F: Fn(&str, &[u8]) + Send + Sync + 'static> LogSink for F {
    fn write(&self, endpoint: &str, message: &[u8]) {
        self(endpoint, message);
    }
}

/// Whether an endpoint's name is that of the guest's own output, or one that
/// the platform keeps for itself (ABI facts, section 12).
pub(crate) fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "stdout" | "stderr") || name.starts_with("fst_managed_")
}

/// Passes each message on to this process's own logs.
pub(crate) struct ToTracing;

impl LogSink for ToTracing {
    fn write(&self, endpoint: &str, message: &[u8]) {
        tracing::info!(endpoint, "{}", String::from_utf8_lossy(message));
    }
}

#[cfg(test)]
mod tests;
