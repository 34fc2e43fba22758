//! What is said of one request, whatever becomes of it: the answer that the
//! runtime gives itself, a line in the log, and a report.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Response, StatusCode, Version};
use tokio::time::Instant;

use crate::client::Refusal;
use crate::fastlike::LOOP;
use crate::http::Body;
use crate::meter::Meter;
use crate::observe::{Outcome, RequestReport};
use crate::run::Ended;
use crate::world::World;

/// What is reported of one request, whatever becomes of it.
pub(crate) struct Incident {
    world: Arc<World>,
    request_id: String,
    method: Method,
    path: String,
    began: Instant,
    cost: Cost,
    /// The sandbox had answered other requests before.
    reused: bool,
    status: Option<StatusCode>,
    reported: bool,
}

/// What the request's run cost.
enum Cost {
    Nothing,
    Running(Arc<Meter>),
    /// As it was when the sandbox was done with the request.
    Final {
        cpu: Duration,
        heap_peak: u64,
    },
}

impl Incident {
    pub(crate) fn new(
        world: &Arc<World>,
        request_id: String,
        request: &http::request::Parts,
    ) -> Self {
        Self {
            world: Arc::clone(world),
            request_id,
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
            began: Instant::now(),
            cost: Cost::Nothing,
            reused: false,
            status: None,
            reported: false,
        }
    }

    /// The guest of `meter` has the request.
    pub(crate) fn begins(&mut self, meter: &Arc<Meter>, reused: bool) {
        self.cost = Cost::Running(Arc::clone(meter));
        self.reused = reused;
    }

    /// The guest is done with the request: what it costs from now on is for
    /// the next one.
    pub(crate) fn settle(&mut self) {
        if let Cost::Running(meter) = &self.cost {
            self.cost = Cost::Final {
                cpu: meter.cpu(),
                heap_peak: meter.heap_peak(),
            };
        }
    }

    /// The request has been here before.
    pub(crate) fn looped(mut self) -> Response<Body> {
        let text = "Loop detected: this request has already come through this program.\n\
                    A backend of it probably leads back to it.\n";
        let response = self.plain(LOOP, text.to_owned());
        self.report(Outcome::Looped);
        response
    }

    /// No guest is asked about such a request, and nothing more is read from
    /// where it came.
    pub(crate) fn rejected(mut self, refusal: Refusal, version: Version) -> Response<Body> {
        let mut response = self.plain(refusal.status, refusal.text.to_owned());
        if version < Version::HTTP_2 {
            let close = http::HeaderValue::from_static("close");
            response
                .headers_mut()
                .insert(http::header::CONNECTION, close);
        }
        self.report(Outcome::Rejected(refusal.text.trim_end().to_owned()));
        response
    }

    /// No sandbox was free in time.
    pub(crate) fn refused(mut self) -> Response<Body> {
        let text = "All sandboxes are busy; try again.\n";
        let response = self.plain(StatusCode::SERVICE_UNAVAILABLE, text.to_owned());
        tracing::warn!(
            "a request was refused: all {} sandboxes were busy for {:?}",
            self.world.limits.max_sandboxes,
            self.world.limits.admission_wait
        );
        self.report(Outcome::Refused);
        response
    }

    /// The run could not begin.
    pub(crate) fn not_started(self, why: &str) -> Response<Body> {
        self.unanswered(Outcome::NotStarted(why.to_owned()).into())
    }

    /// The guest answered, and ended.
    pub(crate) fn answered(mut self, response: Response<Body>, ended: Ended) -> Response<Body> {
        self.status = Some(response.status());
        self.log_fault(&ended);
        self.report(ended.outcome);
        response
    }

    /// The guest ended without an answer: an empty 200 if it ended well.
    pub(crate) fn unanswered(mut self, ended: Ended) -> Response<Body> {
        self.log_fault(&ended);
        let response = match fault(&ended.outcome) {
            None => self.plain(StatusCode::OK, String::new()),
            Some(fault) => {
                let mut text =
                    "The program failed to answer; the server's log says why.\n".to_owned();
                if self.world.backtraces {
                    text = format!("{fault}\n");
                    if let Some(backtrace) = &ended.backtrace {
                        text.push_str(backtrace);
                        text.push('\n');
                    }
                }
                self.plain(StatusCode::INTERNAL_SERVER_ERROR, text)
            }
        };
        self.report(ended.outcome);
        response
    }

    fn plain(&mut self, status: StatusCode, text: String) -> Response<Body> {
        self.status = Some(status);
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        if status != StatusCode::OK {
            let text = http::HeaderValue::from_static("text/plain; charset=utf-8");
            response
                .headers_mut()
                .insert(http::header::CONTENT_TYPE, text);
        }
        response
    }

    /// A response of this status has no content, whatever its body is (RFC
    /// 9110 section 6.4.1).
    pub(crate) fn is_answered_by_head(&self, status: StatusCode) -> bool {
        let bare = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
        self.method == Method::HEAD || bare.contains(&status)
    }

    /// The client gets this response while the guest goes on.
    pub(crate) fn sent(&mut self, response: &Response<Body>) {
        self.status = Some(response.status());
    }

    /// The guest went on after its answer, and ended.
    pub(crate) fn ended(mut self, ended: Ended) {
        self.log_fault(&ended);
        self.report(ended.outcome);
    }

    /// The guest is done with the request, and waits for another one.
    pub(crate) fn finished(mut self) {
        self.report(Outcome::Finished);
    }

    fn log_fault(&self, ended: &Ended) {
        let Some(fault) = fault(&ended.outcome) else {
            return;
        };
        tracing::error!(
            request = self.request_id,
            "{} {}: {fault}{}",
            self.method,
            self.path,
            backtrace(ended)
        );
    }

    fn report(&mut self, outcome: Outcome) {
        self.reported = true;
        self.settle();
        let (cpu, heap_peak) = match self.cost {
            Cost::Final { cpu, heap_peak } => (cpu, heap_peak),
            Cost::Nothing | Cost::Running(_) => (Duration::ZERO, 0),
        };
        self.world.observer.request(&RequestReport {
            request_id: std::mem::take(&mut self.request_id),
            method: self.method.clone(),
            path: std::mem::take(&mut self.path),
            status: self.status,
            wall: self.began.elapsed(),
            cpu,
            heap_peak,
            reused: self.reused,
            outcome,
        });
    }
}

impl Drop for Incident {
    fn drop(&mut self) {
        if !self.reported {
            self.report(Outcome::Cancelled);
        }
    }
}

/// A sandbox that was between two requests ended.
pub(crate) fn log_idle_fault(ended: &Ended) {
    if let Some(fault) = fault(&ended.outcome) {
        tracing::error!("between two requests: {fault}{}", backtrace(ended));
    }
}

fn backtrace(ended: &Ended) -> String {
    let trace = ended.backtrace.as_deref();
    trace.map(|trace| format!("\n{trace}")).unwrap_or_default()
}

/// In words, how a run failed; none if it did not.
fn fault(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Finished
        | Outcome::Cancelled
        | Outcome::Refused
        | Outcome::Looped
        | Outcome::Rejected(_) => None,
        Outcome::Exited(code) => Some(format!("the guest exited with code {code}")),
        Outcome::Trapped(why) => Some(format!("the guest trapped: {why}")),
        Outcome::CpuLimit => Some("the guest used up its CPU time".to_owned()),
        Outcome::WallLimit => Some("the guest ran for too long".to_owned()),
        Outcome::NotStarted(why) => Some(format!("the guest could not be started: {why}")),
    }
}
