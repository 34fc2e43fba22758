//! From a sandbox to a response: runs the guest, hands its answer on as soon
//! as it is there, and answers itself when the guest does not.
//!
//! The guest's future is first polled where the connection is, so that a
//! guest that answers at once costs no task and no wake-up. Only a guest that
//! goes on after its answer moves to a task of its own, which ends with the
//! response if the client goes away.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::fastlike::{LOOP, Service};
use crate::http::{Body, BodyError};
use crate::meter::{Meter, Metered};
use crate::observe::{Outcome, RequestReport};
use crate::pool::Permit;
use crate::run::{self, Ended};
use crate::sandbox::Sandbox;
use crate::session::detach;
use crate::wire::Wire;
use crate::world::World;

type Running = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// Runs `sandbox` and gives the client's response.
pub(crate) async fn answer(
    service: Arc<Service>,
    permit: Permit,
    sandbox: Sandbox,
    meter: Arc<Meter>,
    mut incident: Incident,
    mut response: oneshot::Receiver<Response<Body>>,
    watch: Option<Arc<Wire>>,
) -> Response<Body> {
    incident.meter = Some(Arc::clone(&meter));
    let mut guest: Running = Box::pin(guest(service, permit, sandbox, meter));
    tokio::select! {
        biased;
        ended = &mut guest => match response.await {
            Ok(response) => incident.answered(response, ended),
            Err(_) => incident.unanswered(ended),
        },
        sent = &mut response => match sent {
            Ok(response) => stream(response, guest, incident, watch),
            // The guest dropped its one chance to answer; its end says why.
            Err(_) => {
                let ended = guest.await;
                incident.unanswered(ended)
            }
        },
        // Nobody reads this response.
        () = gone(watch.as_deref()) => Response::new(Body::empty()),
    }
}

/// The guest's whole run, within its wall time.
async fn guest(
    service: Arc<Service>,
    permit: Permit,
    sandbox: Sandbox,
    meter: Arc<Meter>,
) -> Ended {
    let wall = sandbox.session.world.limits.wall;
    let linked = if permit.is_pooled() {
        service.program.pooled()
    } else {
        match service.program.on_demand(&service.engine) {
            Ok(linked) => linked,
            Err(error) => return Outcome::NotStarted(error.to_string()).into(),
        }
    };
    let mut run = Metered::new(
        run::run(linked, sandbox),
        meter,
        Arc::clone(&service.engine.ticker),
    );
    // A guest that never waits needs no timer.
    let at_once = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut run).poll(cx))).await;
    let ended = match at_once {
        Poll::Ready(ended) => ended,
        Poll::Pending => tokio::time::timeout(wall, run)
            .await
            .unwrap_or_else(|_| Outcome::WallLimit.into()),
    };
    drop(permit);
    ended
}

/// Lets the guest go on while its response is sent.
fn stream(
    response: Response<Body>,
    guest: Running,
    mut incident: Incident,
    watch: Option<Arc<Wire>>,
) -> Response<Body> {
    incident.status = Some(response.status());
    let task = detach(async move {
        tokio::select! {
            ended = guest => {
                incident.log_fault(&ended);
                incident.report(ended.outcome);
            }
            () = gone(watch.as_deref()) => {}
        }
    });
    let guest = AbortOnDrop(Some(task.abort_handle()));
    response.map(|body| {
        if body.is_end_stream() {
            guest.release();
            return body;
        }
        Body::wrap(WhileSent {
            body,
            guest: Some(guest),
        })
    })
}

/// Returns when the client is known to be gone; never without a wire to watch.
async fn gone(wire: Option<&Wire>) {
    match wire {
        Some(wire) => wire.closed().await,
        None => std::future::pending().await,
    }
}

/// Stops the guest when the response is dropped before its end.
struct AbortOnDrop(Option<AbortHandle>);

impl AbortOnDrop {
    fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(guest) = self.0.take() {
            guest.abort();
        }
    }
}

/// A response's body, whose guest still runs.
struct WhileSent {
    body: Body,
    guest: Option<AbortOnDrop>,
}

impl http_body::Body for WhileSent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        // After a complete response the guest runs on within its limits. A
        // failed one was failed by the guest's end or by its source, and is
        // over as well.
        let over = match &frame {
            Poll::Ready(None) => true,
            Poll::Ready(Some(Ok(_))) => self.body.is_end_stream(),
            Poll::Ready(Some(Err(_))) | Poll::Pending => false,
        };
        if over && let Some(guest) = self.guest.take() {
            guest.release();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What is reported of one request, whatever becomes of it.
pub(crate) struct Incident {
    world: Arc<World>,
    request_id: String,
    method: Method,
    path: String,
    began: Instant,
    meter: Option<Arc<Meter>>,
    status: Option<StatusCode>,
    reported: bool,
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
            meter: None,
            status: None,
            reported: false,
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

    fn answered(mut self, response: Response<Body>, ended: Ended) -> Response<Body> {
        self.status = Some(response.status());
        self.log_fault(&ended);
        self.report(ended.outcome);
        response
    }

    /// The guest ended without an answer: an empty 200 if it ended well.
    fn unanswered(mut self, ended: Ended) -> Response<Body> {
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

    fn log_fault(&self, ended: &Ended) {
        let Some(fault) = fault(&ended.outcome) else {
            return;
        };
        let backtrace = ended
            .backtrace
            .as_deref()
            .map(|trace| format!("\n{trace}"))
            .unwrap_or_default();
        tracing::error!(
            request = self.request_id,
            "{} {}: {fault}{backtrace}",
            self.method,
            self.path
        );
    }

    fn report(&mut self, outcome: Outcome) {
        self.reported = true;
        let meter = self.meter.as_deref();
        self.world.observer.request(&RequestReport {
            request_id: std::mem::take(&mut self.request_id),
            method: self.method.clone(),
            path: std::mem::take(&mut self.path),
            status: self.status,
            wall: self.began.elapsed(),
            cpu: meter.map(Meter::cpu).unwrap_or_default(),
            heap_peak: meter.map(Meter::heap_peak).unwrap_or_default(),
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

/// In words, how a run failed; none if it did not.
fn fault(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Finished | Outcome::Cancelled | Outcome::Refused | Outcome::Looped => None,
        Outcome::Exited(code) => Some(format!("the guest exited with code {code}")),
        Outcome::Trapped(why) => Some(format!("the guest trapped: {why}")),
        Outcome::CpuLimit => Some("the guest used up its CPU time".to_owned()),
        Outcome::WallLimit => Some("the guest ran for too long".to_owned()),
        Outcome::NotStarted(why) => Some(format!("the guest could not be started: {why}")),
    }
}
