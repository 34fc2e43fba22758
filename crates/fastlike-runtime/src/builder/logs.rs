//! Log endpoints of a service.

use std::sync::Arc;

use super::Builder;
use crate::error::StartError;
use crate::log::{LogEndpoint, LogEndpoints, LogSink, LogTarget};
use crate::output::OutputSink;

impl Builder {
    /// Where the lines of log endpoints go; to `tracing` without one.
    pub fn log_sink(mut self, sink: impl LogSink) -> Self {
        self.logs = Arc::new(sink);
        self
    }

    /// A log endpoint with a target of its own, whose lines then do not go to
    /// the [`Builder::log_sink`]; see [`LogEndpoints`]. A later one of the same
    /// name takes its place.
    ///
    /// One to standard output or error prints `NAME :: message`, or JSON, to
    /// where the program's own output goes.
    pub fn log_endpoint(mut self, name: impl Into<String>, endpoint: LogEndpoint) -> Self {
        self.log_endpoints.push((name.into(), endpoint));
        self
    }
}

/// The sink with the endpoints that have targets of their own.
pub(super) fn open(
    endpoints: Vec<(String, LogEndpoint)>,
    other: Arc<dyn LogSink>,
    stdout: &Arc<dyn OutputSink>,
    stderr: &Arc<dyn OutputSink>,
) -> Result<Arc<dyn LogSink>, StartError> {
    if endpoints.is_empty() {
        return Ok(other);
    }
    let mut logs = LogEndpoints::over(other);
    for (name, endpoint) in endpoints {
        logs = match endpoint.target {
            LogTarget::Stdout => logs.output(name, endpoint.format, Arc::clone(stdout)),
            LogTarget::Stderr => logs.output(name, endpoint.format, Arc::clone(stderr)),
            _ => logs.endpoint(name.clone(), &endpoint).map_err(|error| {
                let cause = std::error::Error::source(&error);
                let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
                StartError::Settings(format!("log endpoint {name:?}: {error}{cause}"))
            })?,
        };
    }
    Ok(Arc::new(logs))
}
