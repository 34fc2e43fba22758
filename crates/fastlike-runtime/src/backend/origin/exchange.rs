//! One request and its response on one connection.

use std::error::Error as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;

use super::clock::FirstByte;
use super::http2;
use super::pool::{Connection, Stream};
use super::request::RequestBody;
use super::wire::Seen;
use crate::backend::SendError;
use crate::http::BodyError;

/// Why there was no response.
pub(super) struct Unanswered {
    pub(super) error: SendError,
    /// The request, if not a byte of it was sent.
    pub(super) unsent: Option<Request<RequestBody>>,
    /// The origin says that it did not look at the request.
    pub(super) untouched: bool,
}

impl From<SendError> for Unanswered {
    fn from(error: SendError) -> Self {
        Self {
            error,
            unsent: None,
            untouched: false,
        }
    }
}

type Sent = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

/// Waits for the response's head, but not for longer than `first_byte` allows.
async fn wait(
    answer: impl Future<Output = Sent>,
    first_byte: &mut FirstByte<'_>,
) -> Result<Sent, SendError> {
    let mut answer = pin!(answer);
    let answer = std::future::poll_fn(|cx| {
        if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
            return Poll::Ready(Some(answer));
        }
        first_byte.poll_elapsed(cx).map(|()| None)
    });
    let answer = answer.await;
    answer.ok_or_else(|| SendError::ResponseTimeout(first_byte.timeout()))
}

impl Connection {
    /// Sends `request` and waits for the response's head. Interim responses
    /// (1xx) are passed over, but 101 if an `upgrade` was asked for.
    pub(super) async fn exchange(
        &mut self,
        request: Request<RequestBody>,
        first_byte: &mut FirstByte<'_>,
        upgrade: bool,
    ) -> Result<Response<Incoming>, Unanswered> {
        self.seen.begin();
        let (mut head, mut body) = request.into_parts();
        body.announce_trailers(&mut head.headers);
        let mut request = Request::from_parts(head, body);
        let seen = Arc::clone(&self.seen);
        hyper::ext::on_informational(&mut request, move |interim| {
            tracing::debug!(status = %interim.status(), "an interim response of an origin");
            seen.interim();
        });
        match wait(self.sender.try_send_request(request), first_byte).await? {
            Ok(response) => {
                check(&response, upgrade)?;
                Ok(response)
            }
            Err(mut failed) => Err(Unanswered {
                unsent: failed.take_message(),
                error: classify(&failed.into_error(), &self.seen, self.received_before),
                untouched: false,
            }),
        }
    }
}

/// Refuses what looks like an attempt to have two recipients disagree on where
/// the response ends (RFC 9112 section 11.1).
fn check(response: &Response<Incoming>, upgrade: bool) -> Result<(), SendError> {
    let protocol = |why: &str| Err(SendError::Protocol(why.to_owned()));
    if response.status() == StatusCode::SWITCHING_PROTOCOLS && !upgrade {
        return protocol("the origin switched protocols although it was not asked to");
    }
    let headers = response.headers();
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else {
        return Ok(());
    };
    if headers.contains_key(CONTENT_LENGTH) {
        return protocol("the origin sent both content-length and transfer-encoding");
    }
    if response.version() == Version::HTTP_10 {
        return protocol("the origin sent transfer-encoding in an HTTP/1.0 response");
    }
    if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return protocol("the origin sent a transfer-encoding other than chunked");
    }
    Ok(())
}

impl Stream {
    /// Sends `request`, which was prepared for HTTP/1.1, and waits for the
    /// response's head.
    pub(super) async fn exchange(
        &mut self,
        request: Request<RequestBody>,
        first_byte: &mut FirstByte<'_>,
        tls: bool,
    ) -> Result<Response<Incoming>, Unanswered> {
        let request = http2::from_http1(request, tls)?;
        let before = self.connection.seen.received();
        let mut sender = self.connection.sender.clone();
        let answer = match wait(sender.try_send_request(request), first_byte).await {
            Ok(answer) => answer,
            Err(late) => {
                // Not a byte for all that time: the connection may be dead.
                if self.connection.seen.received() == before {
                    self.retire();
                }
                return Err(late.into());
            }
        };
        match answer {
            Ok(response) if http2::fits(&response) => Ok(response),
            Ok(_) => Err(SendError::HeadTooLarge.into()),
            Err(mut failed) => {
                let unsent = failed.take_message().map(http2::to_http1);
                let failed = failed.into_error();
                let (error, untouched) = http2::classify(&failed, &self.connection.seen);
                Err(Unanswered {
                    error,
                    unsent,
                    untouched,
                })
            }
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

pub(super) fn find_source<E: std::error::Error + 'static>(error: &hyper::Error) -> Option<&E> {
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
