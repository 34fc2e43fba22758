//! [`Metrics`]: what is counted, and how it is told.

mod backends;
mod histogram;
mod page;
mod requests;
mod sharded;
mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use fastlike_runtime::{BackendReport, Fastlike, Observer, RequestReport};

use self::backends::Backends;
use self::requests::Requests;
use self::sharded::Sharded;

pub(crate) use self::text::CONTENT_TYPE;

/// Counts what it is told as an observer, and tells it as Prometheus reads it.
///
/// A clone counts in the same place, so that numbers go on when a service is
/// replaced. Counting takes no lock and allocates nothing, but for the first
/// request to a backend.
///
/// ```no_run
/// # async fn example() -> Result<(), fastlike_runtime::StartError> {
/// use fastlike_admin::Metrics;
/// use fastlike_runtime::{Fastlike, RequestReport};
///
/// let metrics = Metrics::new();
/// let printing = |report: &RequestReport| println!("{}", report.path);
/// let fastlike = Fastlike::builder("app.wasm")
///     .observer((printing, metrics.clone()))
///     .build()
///     .await?;
/// println!("{}", metrics.render(&fastlike));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Metrics(Arc<Counted>);

struct Counted {
    /// Seconds since 1970.
    began: f64,
    requests: Sharded<Requests>,
    backends: Backends,
    reloads: AtomicU64,
    failed_reloads: AtomicU64,
}

impl Metrics {
    /// Nothing has been counted.
    pub fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(Arc::new(Counted {
            began: since.unwrap_or_default().as_secs_f64(),
            requests: Sharded::new(),
            backends: Backends::default(),
            reloads: AtomicU64::new(0),
            failed_reloads: AtomicU64::new(0),
        }))
    }

    /// A service was replaced, or was to be and its successor could not be
    /// started.
    pub fn reloaded(&self, succeeded: bool) {
        let counter = if succeeded {
            &self.0.reloads
        } else {
            &self.0.failed_reloads
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Everything, in the text format of Prometheus (version 0.0.4): what was
    /// counted, and how this service is now.
    pub fn render(&self, service: &Fastlike) -> String {
        page::render(&self.0, service)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Observer for Metrics {
    fn request(&self, report: &RequestReport) {
        self.0.requests.mine().count(report);
    }

    fn backend_request(&self, report: &BackendReport<'_>) {
        self.0.backends.count(report);
    }
}
