//! What happened to each request, as values.

use std::time::Duration;

use crate::backend::SendError;

/// Is told of every request when its run has ended.
///
/// Called from the threads that run guests: must be quick. Closures
/// `Fn(&RequestReport)` implement it, and so does a pair of observers, which
/// are both told.
pub trait Observer: Send + Sync + 'static {
    /// A request was answered, or its client went away, and its run ended.
    fn request(&self, report: &RequestReport);

    /// A backend has answered a program's request with a head, or failed to.
    /// What was given up before, with its client or its program, is not told.
    fn backend_request(&self, report: &BackendReport<'_>) {
        let _ = report;
    }
}

impl<F: Fn(&RequestReport) + Send + Sync + 'static> Observer for F {
    fn request(&self, report: &RequestReport) {
        self(report);
    }
}

impl<A: Observer, B: Observer> Observer for (A, B) {
    fn request(&self, report: &RequestReport) {
        self.0.request(report);
        self.1.request(report);
    }

    fn backend_request(&self, report: &BackendReport<'_>) {
        self.0.backend_request(report);
        self.1.backend_request(report);
    }
}

/// One request to a backend, up to the head of its response.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BackendReport<'a> {
    /// The backend's name, as the program gave it.
    pub backend: &'a str,
    /// The program made the backend, and so its name, while it ran.
    pub dynamic: bool,
    /// What the backend answered, or why it did not.
    pub result: Result<http::StatusCode, &'a SendError>,
    /// From the call to the head of the response.
    pub took: Duration,
}

/// One request and what its run cost. No header values, no content.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RequestReport {
    /// 32 hexadecimal digits, unique for each request.
    pub request_id: String,
    /// The request's method.
    pub method: http::Method,
    /// The request's path, without its query.
    pub path: String,
    /// The status that was sent; none if the client went away before.
    pub status: Option<http::StatusCode>,
    /// From the request's arrival to the end of its run, or to when its
    /// sandbox began to wait for another request.
    pub wall: Duration,
    /// CPU time of the guest, for this request.
    pub cpu: Duration,
    /// Most bytes of linear memory that the guest had.
    pub heap_peak: u64,
    /// The sandbox had answered other requests before this one.
    pub reused: bool,
    /// How the run ended.
    pub outcome: Outcome,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The guest returned, or exited with 0.
    Finished,
    /// The guest exited with another code.
    Exited(i32),
    /// The guest trapped: a panic, an unreachable, an access out of bounds.
    Trapped(String),
    /// The guest used up its CPU time.
    CpuLimit,
    /// The guest ran for too long.
    WallLimit,
    /// The client went away first.
    Cancelled,
    /// No sandbox was free in time.
    Refused,
    /// The request has passed this service already.
    Looped,
    /// The request is none that a program could answer, and why.
    Rejected(String),
    /// The run could not be started.
    NotStarted(String),
}

pub(crate) struct Unobserved;

impl Observer for Unobserved {
    fn request(&self, _: &RequestReport) {}
}
