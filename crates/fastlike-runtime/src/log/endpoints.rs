//! Log endpoints by name.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::deliver::deliver;
use super::endpoint::{LogEndpoint, LogFormat, LogTarget, SyslogLog};
use super::line::{line, syslog};
use super::queue::{LogReport, Queue};
use super::sinks::Sink;
use super::{BoxFuture, LogSink};
use crate::output::OutputSink;

/// Log endpoints by name, each with a target of its own.
///
/// What is written to one waits in a queue of its own until a task has
/// delivered it. A target that is not there or refuses connections is tried
/// again, less and less often; a connection that broke is made anew, after
/// which some lines may arrive twice. When a queue is full its oldest lines
/// are lost, which is counted, and said at most every ten seconds.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use fastlike_runtime::{Fastlike, LogEndpoint, LogEndpoints, LogFormat, LogTarget};
///
/// let audit = LogEndpoint::new(LogTarget::File("audit.log".into())).format(LogFormat::Json);
/// let logs = LogEndpoints::new(|endpoint: &str, message: &[u8]| {
///         println!("{endpoint} :: {}", String::from_utf8_lossy(message));
///     })
///     .endpoint("audit", &audit)?;
/// let fastlike = Fastlike::builder("app.wasm").log_sink(logs).build().await?;
/// # Ok(())
/// # }
/// ```
pub struct LogEndpoints {
    routes: HashMap<String, Route>,
    other: Arc<dyn LogSink>,
}

enum Route {
    Queued(Queued),
    Direct(Box<dyn LogSink>),
}

struct Queued {
    queue: Arc<Queue>,
    format: LogFormat,
    /// For lines that are messages of syslog.
    syslog: Option<SyslogLog>,
}

/// Why a log endpoint cannot be.
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum LogEndpointError {
    /// Its file cannot be opened.
    #[error("the log file {} cannot be opened", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Its target cannot be.
    #[error("{0}")]
    Target(String),
}

impl LogEndpoints {
    /// No endpoint of its own yet: all lines go to `other`.
    pub fn new(other: impl LogSink) -> Self {
        Self::over(Arc::new(other))
    }

    pub(crate) fn over(other: Arc<dyn LogSink>) -> Self {
        Self {
            routes: HashMap::new(),
            other,
        }
    }

    /// Adds an endpoint, and begins to deliver its lines. Called within a
    /// tokio runtime, which does the work.
    ///
    /// # Errors
    /// If the target's file cannot be opened, or its address makes no sense; if
    /// it is the program's output, of which only a
    /// [`Builder`](crate::Builder::log_endpoint) knows; or if there is no tokio
    /// runtime. That a server does not answer is none.
    pub fn endpoint(
        mut self,
        name: impl Into<String>,
        settings: &LogEndpoint,
    ) -> Result<Self, LogEndpointError> {
        let name = name.into();
        let runtime =
            Handle::try_current().map_err(|error| LogEndpointError::Target(error.to_string()))?;
        let sink = Sink::new(&settings.target, settings.format)?;
        let queue = Arc::new(Queue::new(&name, settings));
        runtime.spawn(deliver(Arc::clone(&queue), sink));
        let queued = Queued {
            queue,
            format: settings.format,
            syslog: match &settings.target {
                LogTarget::Syslog(syslog) => Some(syslog.clone()),
                _ => None,
            },
        };
        self.insert(name, Route::Queued(queued));
        Ok(self)
    }

    /// Adds an endpoint whose lines go, at once, to where a program's output
    /// goes: `NAME :: message`, or JSON.
    #[must_use]
    pub(crate) fn output(
        self,
        name: String,
        format: LogFormat,
        output: Arc<dyn OutputSink>,
    ) -> Self {
        self.sink(name, move |endpoint: &str, message: &[u8]| {
            let line = line(format, endpoint, message, SystemTime::now());
            match format {
                LogFormat::Raw => output.line(&[endpoint.as_bytes(), b" :: ", &line].concat()),
                LogFormat::Json => output.line(&line),
            }
        })
    }

    /// Adds an endpoint whose lines go to another sink.
    #[must_use]
    pub fn sink(mut self, name: impl Into<String>, sink: impl LogSink) -> Self {
        self.insert(name.into(), Route::Direct(Box::new(sink)));
        self
    }

    fn insert(&mut self, name: String, route: Route) {
        if let Some(Route::Queued(before)) = self.routes.insert(name, route) {
            before.queue.close();
        }
    }

    fn queues(&self) -> impl Iterator<Item = &Arc<Queue>> {
        self.routes.values().filter_map(|route| match route {
            Route::Queued(queued) => Some(&queued.queue),
            Route::Direct(_) => None,
        })
    }

    fn direct(&self) -> impl Iterator<Item = &dyn LogSink> {
        let routes = self.routes.values().filter_map(|route| match route {
            Route::Queued(_) => None,
            Route::Direct(sink) => Some(sink.as_ref()),
        });
        routes.chain([self.other.as_ref()])
    }
}

/// Looks at a target without opening it.
pub(crate) fn check_target(target: &LogTarget) -> Result<(), LogEndpointError> {
    match target {
        // Opened only when it is used.
        LogTarget::File(_) | LogTarget::Stdout | LogTarget::Stderr => Ok(()),
        _ => Sink::new(target, LogFormat::Raw).map(drop),
    }
}

impl Queued {
    fn write(&self, endpoint: &str, message: &[u8]) {
        let now = SystemTime::now();
        let line = line(self.format, endpoint, message, now);
        self.queue.push(match &self.syslog {
            Some(settings) => syslog(settings, endpoint, &line, now),
            None => Bytes::from(line),
        });
    }
}

impl LogSink for LogEndpoints {
    fn write(&self, endpoint: &str, message: &[u8]) {
        match self.routes.get(endpoint) {
            Some(Route::Queued(queued)) => queued.write(endpoint, message),
            Some(Route::Direct(sink)) => sink.write(endpoint, message),
            None => self.other.write(endpoint, message),
        }
    }

    fn flush(&self) -> BoxFuture<'static, ()> {
        let mut all: Vec<BoxFuture<'static, ()>> = self.direct().map(LogSink::flush).collect();
        for queue in self.queues() {
            let queue = Arc::clone(queue);
            all.push(Box::pin(async move { queue.flushed().await }));
        }
        Box::pin(async move {
            // They go on at the same time: none waits for this.
            for flushed in all {
                flushed.await;
            }
        })
    }

    fn reports(&self) -> Vec<LogReport> {
        let mut reports: Vec<LogReport> = self.queues().map(|queue| queue.report()).collect();
        reports.extend(self.direct().flat_map(LogSink::reports));
        reports.sort_by(|one, other| one.endpoint.cmp(&other.endpoint));
        reports
    }
}

impl Drop for LogEndpoints {
    fn drop(&mut self) {
        self.queues().for_each(|queue| queue.close());
    }
}

impl std::fmt::Debug for LogEndpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut names: Vec<&str> = self.routes.keys().map(String::as_str).collect();
        names.sort_unstable();
        f.debug_struct("LogEndpoints")
            .field("endpoints", &names)
            .finish_non_exhaustive()
    }
}
