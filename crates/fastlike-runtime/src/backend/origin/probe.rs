//! Probes that ask an origin how it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Request;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Settings;
use super::live::Live;
use crate::backend::health::{HealthCheck, Results};
use crate::http::Body;

/// A task that probes an origin until this is dropped.
pub(super) struct Probing {
    healthy: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Probing {
    /// Begins at once. Without a runtime nothing is probed.
    pub(super) fn start(settings: &Settings, check: &HealthCheck) -> Option<Self> {
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        let results = Results::new(check);
        let healthy = Arc::new(AtomicBool::new(results.healthy()));
        // Connections of its own, so that a probe sees what a new client sees.
        let mut settings = settings.clone();
        settings.prefix = String::new();
        settings.info.override_host = Some(check.host.clone());
        settings.info.keepalive_time = Duration::ZERO;
        settings.info.connect_timeout = check.timeout;
        settings.info.first_byte_timeout = check.timeout;
        settings.max_connections = 0;
        let probes = Probes {
            live: Live::new(&settings),
            check: check.clone(),
            results,
            healthy: Arc::clone(&healthy),
        };
        let task = runtime.spawn(probes.run()).abort_handle();
        Some(Self { healthy, task })
    }

    pub(super) fn healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Probes {
    live: Arc<Live>,
    check: HealthCheck,
    results: Results,
    healthy: Arc<AtomicBool>,
}

impl Probes {
    async fn run(mut self) {
        let mut ticks = interval(self.check.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let fault = self.probe().await.err();
            self.results.note(fault.is_none());
            let healthy = self.results.healthy();
            if self.healthy.swap(healthy, Ordering::Relaxed) != healthy {
                self.tell(healthy, fault);
            }
        }
    }

    /// One probe, or what is wrong with its answer.
    async fn probe(&self) -> Result<(), String> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = self.check.method.clone();
        *request.uri_mut() = self.check.path.clone().into();
        let answer = timeout(self.check.timeout, self.live.send(request, false));
        let status = match answer.await {
            Ok(Ok(response)) => response.status(),
            Ok(Err(fault)) => return Err(fault.to_string()),
            Err(_) => return Err(format!("no answer within {:?}", self.check.timeout)),
        };
        if status.as_u16() == self.check.expected_status {
            Ok(())
        } else {
            Err(format!("it answered {status}"))
        }
    }

    fn tell(&self, healthy: bool, fault: Option<String>) {
        let info = &self.live.settings.info;
        let (host, port) = (&info.host, info.port);
        if healthy {
            tracing::info!("the origin {host}:{port} is healthy again");
        } else {
            let why = fault.unwrap_or_default();
            tracing::warn!("the origin {host}:{port} is unhealthy: {why}");
        }
    }
}
