//! One request and its response on one connection.

use std::error::Error as _;
use std::pin::pin;
use std::task::Poll;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use super::clock::FirstByte;
use super::pool::Connection;
use super::request::RequestBody;
use super::wire::Seen;
use crate::backend::SendError;
use crate::http::BodyError;

/// Why there was no response.
pub(super) struct Unanswered {
    pub(super) error: SendError,
    /// The request, if not a byte of it was sent.
    pub(super) unsent: Option<Request<RequestBody>>,
}

impl From<SendError> for Unanswered {
    fn from(error: SendError) -> Self {
        Self {
            error,
            unsent: None,
        }
    }
}

impl Connection {
    /// Sends `request` and waits for the response's head. Interim responses
    /// (1xx) are passed over.
    pub(super) async fn exchange(
        &mut self,
        request: Request<RequestBody>,
        first_byte: &mut FirstByte<'_>,
    ) -> Result<Response<Incoming>, Unanswered> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let answer = std::future::poll_fn(|cx| {
            if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                return Poll::Ready(Some(answer));
            }
            first_byte.poll_elapsed(cx).map(|()| None)
        });
        match answer.await {
            Some(Ok(response)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                let why = "the origin switched protocols although it was not asked to";
                Err(SendError::Protocol(why.to_owned()).into())
            }
            Some(Ok(response)) => Ok(response),
            Some(Err(mut failed)) => Err(Unanswered {
                unsent: failed.take_message(),
                error: classify(&failed.into_error(), &self.seen, self.received_before),
            }),
            None => Err(SendError::ResponseTimeout(first_byte.timeout()).into()),
        }
    }
}

/// What went wrong, from what hyper says and what was seen of the connection,
/// on which `before` bytes had arrived before this request.
fn classify(error: &hyper::Error, seen: &Seen, before: u64) -> SendError {
    if let Some(body) = find_source::<BodyError>(error) {
        return SendError::RequestBody(body.to_string());
    }
    if error.is_body_write_aborted() {
        return SendError::RequestBody("it is shorter than its content-length".to_owned());
    }
    if let Some(fault) = seen.fault() {
        return fault.clone();
    }
    if error.is_parse_too_large() {
        return SendError::HeadTooLarge;
    }
    if error.is_parse_status() {
        return SendError::InvalidStatus;
    }
    if error.is_parse() {
        return SendError::Protocol(error.to_string());
    }
    let answered = seen.received() > before;
    match (answered, seen.ended()) {
        (false, _) => SendError::Terminated,
        (true, true) => SendError::Incomplete,
        (true, false) => SendError::Protocol(with_sources(error)),
    }
}

fn find_source<E: std::error::Error + 'static>(error: &hyper::Error) -> Option<&E> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        source = error.source();
    }
    None
}

/// The error's text and those of what caused it.
pub(super) fn with_sources(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
