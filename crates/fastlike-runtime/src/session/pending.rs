//! Requests that are under way while the guest does something else.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Response};
use tokio::task::JoinHandle;

use crate::backend::SendError;
use crate::http::Body;

/// What a send ends with.
pub(crate) type SendResult = Result<Response<Body>, SendError>;

/// A request that was sent with `send_async` and was not waited for yet.
///
/// Dropping it lets the request go on by itself: guests send beacons and end.
#[derive(Debug)]
pub(crate) struct PendingRequest {
    state: State,
    /// What happens to the response when it is taken or forwarded.
    pub(crate) plan: ResponsePlan,
    changes: Vec<(ChangeTarget, HeaderChange)>,
}

#[derive(Debug)]
enum State {
    Running(JoinHandle<SendResult>),
    Done(Box<SendResult>),
}

/// How a response is treated before the guest sees it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ResponsePlan {
    /// Decode gzip.
    pub(crate) decompress: bool,
    /// The destination's address may be read (requests with PASS only).
    pub(crate) tell_address: bool,
}

/// Which outcome a queued header change is for (`pending_response_kind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeTarget {
    Any,
    Response,
    Error,
}

/// A change to the header of a response that is not there yet.
#[derive(Debug, Clone)]
pub(crate) enum HeaderChange {
    Insert(HeaderName, HeaderValue),
    Append(HeaderName, HeaderValue),
    Remove(HeaderName),
}

impl PendingRequest {
    pub(crate) fn spawn(
        send: impl Future<Output = SendResult> + Send + 'static,
        plan: ResponsePlan,
    ) -> Self {
        Self {
            state: State::Running(crate::session::detach(send)),
            plan,
            changes: Vec::new(),
        }
    }

    /// Queues a change; it is made when the response is taken.
    pub(crate) fn change(&mut self, target: ChangeTarget, change: HeaderChange) {
        self.changes.push((target, change));
    }

    pub(crate) fn changes(&self) -> usize {
        self.changes.len()
    }

    pub(crate) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let State::Running(task) = &mut self.state {
            let result = match Pin::new(task).poll(cx) {
                Poll::Ready(Ok(result)) => result,
                Poll::Ready(Err(error)) => Err(SendError::Internal(error.to_string())),
                Poll::Pending => return Poll::Pending,
            };
            self.state = State::Done(Box::new(result));
        }
        Poll::Ready(())
    }

    /// Waits for the end and gives it, with the queued changes made.
    pub(crate) async fn finish(mut self) -> SendResult {
        std::future::poll_fn(|cx| self.poll_done(cx)).await;
        self.finished()
    }

    /// The end of a request that [`PendingRequest::poll_done`] found done.
    pub(crate) fn finished(self) -> SendResult {
        match self.state {
            State::Done(result) => result.map(|mut response| {
                apply(
                    &self.changes,
                    ChangeTarget::Response,
                    response.headers_mut(),
                );
                response
            }),
            State::Running(_) => Err(SendError::Internal("the request did not end".to_owned())),
        }
    }

    /// The queued changes for a synthetic error response.
    pub(crate) fn error_changes(&self) -> Vec<(ChangeTarget, HeaderChange)> {
        self.changes
            .iter()
            .filter(|(target, _)| *target != ChangeTarget::Response)
            .cloned()
            .collect()
    }
}

/// Makes the changes that are for `kind` to `headers`, in order.
pub(crate) fn apply(
    changes: &[(ChangeTarget, HeaderChange)],
    kind: ChangeTarget,
    headers: &mut HeaderMap,
) {
    for (target, change) in changes {
        if *target != ChangeTarget::Any && *target != kind {
            continue;
        }
        match change {
            // A map that is full keeps what it has.
            HeaderChange::Insert(name, value) => {
                drop(headers.try_insert(name.clone(), value.clone()))
            }
            HeaderChange::Append(name, value) => {
                drop(headers.try_append(name.clone(), value.clone()))
            }
            HeaderChange::Remove(name) => drop(headers.remove(name)),
        }
    }
}
