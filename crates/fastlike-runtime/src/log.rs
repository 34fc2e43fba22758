//! Where the lines of a guest's log endpoints go.

/// A receiver of log lines.
///
/// Called from the threads that run guests: must be quick, so a slow
/// destination needs a queue of its own. Closures `Fn(&str, &[u8])` implement it.
pub trait LogSink: Send + Sync + 'static {
    /// One message that the guest wrote to `endpoint`, as it wrote it.
    fn write(&self, endpoint: &str, message: &[u8]);
}

impl<F: Fn(&str, &[u8]) + Send + Sync + 'static> LogSink for F {
    fn write(&self, endpoint: &str, message: &[u8]) {
        self(endpoint, message);
    }
}

/// Passes each message on to this process's own logs.
pub(crate) struct ToTracing;

impl LogSink for ToTracing {
    fn write(&self, endpoint: &str, message: &[u8]) {
        tracing::info!(endpoint, "{}", String::from_utf8_lossy(message));
    }
}
