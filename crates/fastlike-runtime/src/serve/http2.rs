//! HTTP/2 streams: each in a task of its own, with an end for those whose
//! client stops taking what it asked for.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Response, StatusCode};
use http_body::{Frame, SizeHint};
use hyper::server::conn::http2;
use hyper_util::rt::TokioTimer;
use parking_lot::Mutex;

use crate::http::{Body, BodyError, IdleClock};
use crate::limits::{self, Limits};
use crate::session::detach;

/// The HTTP/2 side of a listener.
pub(super) fn builder(streams: &Streams, limits: &Limits) -> http2::Builder<Streams> {
    let mut http = http2::Builder::new(streams.clone());
    // Half of the time to notice, half to answer.
    let half = limits.client_idle_timeout / 2;
    http.timer(TokioTimer::new())
        .keep_alive_interval((!half.is_zero()).then_some(half))
        .keep_alive_timeout(half)
        .max_concurrent_streams(limits::H2_STREAMS)
        .max_header_list_size(limits::H2_HEADER_LIST)
        .max_pending_accept_reset_streams(limits::H2_PENDING_RESETS)
        .max_local_error_reset_streams(limits::H2_LOCAL_RESETS)
        .initial_stream_window_size(limits::H2_STREAM_WINDOW)
        .initial_connection_window_size(limits::H2_CONNECTION_WINDOW)
        .max_send_buf_size(limits::H2_SEND_BUFFER);
    http
}

/// A response as HTTP/2 has it: without content where there is none (RFC 9110
/// section 6.4.1), which hyper sees to for HTTP/1.1 only.
pub(super) fn as_http2(asked: &Method, mut response: Response<Body>) -> Response<Body> {
    let status = response.status();
    // Of connections of HTTP/1.1 alone (RFC 9113 section 8.2.2).
    response.headers_mut().remove(CONNECTION);
    response.headers_mut().remove(TRANSFER_ENCODING);
    let (mut parts, body) = match (asked, status) {
        (&Method::HEAD, _) | (_, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) => {
            response.into_parts()
        }
        _ => return response,
    };
    // HEAD is told how long the content would be.
    if asked == Method::HEAD
        && status != StatusCode::NO_CONTENT
        && let Some(length) = body.known_length()
    {
        let told = parts.headers.entry(CONTENT_LENGTH);
        told.or_insert_with(|| HeaderValue::from(length));
    }
    if status == StatusCode::NO_CONTENT {
        parts.headers.remove(CONTENT_LENGTH);
    }
    Response::from_parts(parts, Body::empty())
}

/// The streams of one connection: hyper's executor for them.
#[derive(Clone)]
pub(super) struct Streams(Arc<Inner>);

struct Inner {
    idle: Duration,
    running: AtomicUsize,
    begun: AtomicU64,
    /// Of the stream whose service hyper has called and which it is about to
    /// run.
    next: Mutex<Option<Arc<Pace>>>,
}

/// How a stream's client takes its response.
#[derive(Default)]
struct Pace {
    /// Pieces of the response that were handed out.
    pieces: AtomicU64,
    /// It is the client's turn to take what there is.
    with_client: AtomicBool,
}

impl Streams {
    pub(super) fn new(idle: Duration) -> Self {
        Self(Arc::new(Inner {
            idle,
            running: AtomicUsize::new(0),
            begun: AtomicU64::new(0),
            next: Mutex::new(None),
        }))
    }

    /// Wraps the service's call for a stream: hyper runs the stream right
    /// after it.
    pub(super) fn call<F, E>(
        &self,
        answer: F,
    ) -> impl Future<Output = Result<Response<Paced>, E>> + use<F, E>
    where
        F: Future<Output = Response<Body>>,
    {
        let pace = Arc::new(Pace::default());
        *self.0.next.lock() = Some(Arc::clone(&pace));
        async move {
            let response = answer.await;
            pace.with_client.store(true, Ordering::Relaxed);
            Ok(response.map(|body| Paced {
                body,
                rest: Bytes::new(),
                pace,
            }))
        }
    }

    /// Returns when no stream has run for the idle time (up to twice as long).
    pub(super) async fn idle(&self) {
        let mut seen = None;
        loop {
            tokio::time::sleep(self.0.idle).await;
            let begun = self.0.begun.load(Ordering::Relaxed);
            if self.0.running.load(Ordering::Relaxed) == 0 && seen == Some(begun) {
                return;
            }
            seen = Some(begun);
        }
    }
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0.running.fetch_add(1, Ordering::Relaxed);
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        let pace = self.0.next.lock().take();
        detach(Watched {
            stream: Box::pin(stream),
            pace: pace.unwrap_or_default(),
            seen: 0,
            clock: IdleClock::new(self.0.idle),
            streams: self.clone(),
        });
    }
}

/// A stream that ends with a reset when its client takes nothing for too long.
struct Watched<F> {
    stream: Pin<Box<F>>,
    pace: Arc<Pace>,
    seen: u64,
    clock: IdleClock,
    streams: Streams,
}

impl<F: Future<Output = ()>> Future for Watched<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let pieces = self.pace.pieces.load(Ordering::Relaxed);
        let moved = pieces != self.seen;
        self.seen = pieces;
        if !self.pace.with_client.load(Ordering::Relaxed) {
            self.clock.progressed();
            return Poll::Pending;
        }
        if moved {
            self.clock.progressed();
        }
        // Dropping the stream resets it, and ends its guest.
        self.clock.poll_elapsed(cx)
    }
}

impl<F> Drop for Watched<F> {
    fn drop(&mut self) {
        self.streams.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A response's body in pieces so small that each one taken shows a client
/// that moves.
pub(super) struct Paced {
    body: Body,
    rest: Bytes,
    pace: Arc<Pace>,
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
                this.pace.with_client.store(false, Ordering::Relaxed);
                return Poll::Pending;
            };
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => this.rest = data,
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        this.pace.with_client.store(true, Ordering::Relaxed);
        this.pace.pieces.fetch_add(1, Ordering::Relaxed);
        let length = this.rest.len().min(limits::H2_PIECE);
        Poll::Ready(Some(Ok(Frame::data(this.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}

#[cfg(test)]
mod tests;
