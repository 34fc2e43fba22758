//! A message body: a rope of parts, read from front to back.
//!
//! Bytes that a guest wrote, a stream that comes from a client or an origin,
//! and a stream that a guest still writes are all parts of the same rope, so
//! appending one body to another moves parts and copies nothing.

use std::any::Any;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};

use super::budget::{Budget, Charge, OverBudget};
use super::stream::{Piece, StreamReader};
use super::trailers::{self, Allowed, Takes};

/// Small writes are gathered into buffers of this size; a larger write gets a
/// buffer of its own, so that no byte is copied twice.
const GATHER: usize = 16 * 1024;

/// What a part of its own costs besides its bytes: a write of one byte to the
/// front is one.
const PART: usize = 128;

/// Why a body ended before its end.
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// The peer closed the connection before the message was complete.
    #[error("the peer ended the body early")]
    Incomplete,
    /// No byte arrived for as long as the backend's between-bytes timeout.
    #[error("no byte arrived within the between-bytes timeout")]
    Timeout,
    /// The writer of a streaming body went away without finishing it.
    #[error("the writer abandoned the body")]
    Abandoned,
    /// The content does not decode as its `content-encoding` says.
    #[error("the body does not decode: {0}")]
    Invalid(String),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Transport(String),
}

impl From<hyper::Error> for BodyError {
    fn from(error: hyper::Error) -> Self {
        if error.is_incomplete_message() || error.is_closed() || ended_early(&error) {
            Self::Incomplete
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            use std::error::Error as _;
            match error.source() {
                Some(source) => Self::Transport(format!("{error}: {source}")),
                None => Self::Transport(error.to_string()),
            }
        }
    }
}

/// hyper reports a body that its connection cut off as an I/O error inside.
fn ended_early(error: &hyper::Error) -> bool {
    let source =
        std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    source.is_some_and(|source| source.kind() == std::io::ErrorKind::UnexpectedEof)
}

impl From<std::convert::Infallible> for BodyError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<Box<dyn std::error::Error + Send + Sync>> for BodyError {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::Transport(error.to_string())
    }
}

type Foreign = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError> + Send>>;

enum Part {
    /// Bytes that are here.
    Bytes(Bytes),
    /// The buffer that gathers small writes; only ever the last part.
    Gathering(BytesMut),
    /// A body that arrives over a hyper connection.
    Incoming(hyper::body::Incoming),
    /// The read end of a streaming body.
    Stream(StreamReader),
    /// Anything else that is a body.
    Foreign(Foreign),
}

/// A message body, read from front to back.
///
/// It implements [`http_body::Body`], so it goes into hyper, tower and
/// `http-body-util` as it is.
#[derive(Default)]
pub struct Body {
    parts: VecDeque<Part>,
    trailers: HeaderMap,
    /// Trailers that a consumer of frames is given; all if none.
    allowed: Option<Allowed>,
    charges: Vec<Charge>,
    /// A read has seen the end, so the trailers are complete.
    ended: bool,
    failed: Option<BodyError>,
    /// A guest has read some of it.
    was_read: bool,
    /// A consumer of frames was told of the failure: for it the body is over.
    told: bool,
}

impl Body {
    /// A body without content.
    pub fn empty() -> Self {
        Self::default()
    }

    /// A body that arrives over a hyper connection.
    pub fn from_incoming(incoming: hyper::body::Incoming) -> Self {
        if incoming.is_end_stream() {
            return Self::empty();
        }
        Self::of(Part::Incoming(incoming))
    }

    /// Any other body.
    pub fn wrap<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        // One that comes around again must not grow a layer each time.
        let mut body = Some(body);
        if let Some(same) = (&mut body as &mut dyn Any).downcast_mut::<Option<Self>>() {
            return same.take().unwrap_or_default();
        }
        let Some(body) = body else {
            return Self::empty();
        };
        if body.is_end_stream() {
            return Self::empty();
        }
        Self::of(Part::Foreign(Box::pin(MapError(Box::pin(body)))))
    }

    pub(super) fn from_stream(reader: StreamReader) -> Self {
        Self::of(Part::Stream(reader))
    }

    fn of(part: Part) -> Self {
        Self {
            parts: VecDeque::from([part]),
            ..Self::default()
        }
    }

    /// The exact number of bytes that are left, if every part knows it.
    pub fn known_length(&self) -> Option<u64> {
        let mut sum = 0u64;
        for part in &self.parts {
            let length = match part {
                Part::Bytes(bytes) => bytes.len() as u64,
                Part::Gathering(bytes) => bytes.len() as u64,
                Part::Incoming(incoming) => incoming.size_hint().exact()?,
                Part::Stream(_) => return None,
                Part::Foreign(body) => body.size_hint().exact()?,
            };
            sum = sum.checked_add(length)?;
        }
        Some(sum)
    }

    /// Adds bytes at the end.
    pub fn push_back(&mut self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            self.ended = false;
            self.parts.push_back(Part::Bytes(bytes));
        }
    }

    /// Moves the whole of another body, trailers included, to the end.
    pub fn append(&mut self, other: Body) {
        self.ended = false;
        self.parts.extend(other.parts);
        merge_trailers(&mut self.trailers, other.trailers);
        self.charges.extend(other.charges);
        self.failed = self.failed.take().or(other.failed);
    }

    /// Copies `bytes` to the end, on the account of `budget`.
    pub(crate) fn write_back(&mut self, bytes: &[u8], budget: &Budget) -> Result<(), OverBudget> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.charge(bytes.len(), budget)?;
        self.ended = false;
        if let Some(Part::Gathering(buffer)) = self.parts.back_mut()
            && buffer.capacity() - buffer.len() >= bytes.len()
        {
            buffer.extend_from_slice(bytes);
            return Ok(());
        }
        // The first write is often the whole body: give it just its size.
        let small_again = matches!(self.parts.back(), Some(Part::Gathering(_)));
        let capacity = if small_again {
            GATHER.max(bytes.len())
        } else {
            bytes.len()
        };
        let mut buffer = BytesMut::with_capacity(capacity);
        buffer.extend_from_slice(bytes);
        self.parts.push_back(Part::Gathering(buffer));
        Ok(())
    }

    /// Copies `bytes` to the front, on the account of `budget`.
    pub(crate) fn write_front(&mut self, bytes: &[u8], budget: &Budget) -> Result<(), OverBudget> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.charge(bytes.len().saturating_add(PART), budget)?;
        self.ended = false;
        self.parts
            .push_front(Part::Bytes(Bytes::copy_from_slice(bytes)));
        Ok(())
    }

    /// Holds so many bytes of `budget` until it is read to its end, or dropped.
    pub(crate) fn charge(&mut self, bytes: usize, budget: &Budget) -> Result<(), OverBudget> {
        match self.charges.last_mut() {
            Some(charge) if charge.is_of(budget) => charge.grow(bytes as u64),
            _ => {
                let mut charge = Charge::none_of(budget);
                charge.grow(bytes as u64)?;
                self.charges.push(charge);
                Ok(())
            }
        }
    }

    /// The streams that it reads from.
    pub(super) fn streams(&self) -> impl Iterator<Item = &StreamReader> {
        self.parts.iter().filter_map(|part| match part {
            Part::Stream(reader) => Some(reader),
            _ => None,
        })
    }

    /// Between 1 and `max` bytes as soon as there are any; `None` at the end.
    pub(crate) async fn read(&mut self, max: usize) -> Option<Result<Bytes, BodyError>> {
        self.was_read = true;
        let chunk = std::future::poll_fn(|cx| self.poll_chunk(cx)).await;
        Some(chunk?.map(|mut bytes| {
            if bytes.len() > max {
                let rest = bytes.split_off(max);
                self.parts.push_front(Part::Bytes(rest));
            }
            bytes
        }))
    }

    /// True after a call of [`Body::read`].
    pub(crate) fn was_read(&self) -> bool {
        self.was_read
    }

    /// Ready when [`Body::read`] would not wait: for data, the end or an error.
    pub(crate) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.failed.is_some() {
            return Poll::Ready(());
        }
        match ready!(self.poll_chunk(cx)) {
            Some(Ok(bytes)) => self.parts.push_front(Part::Bytes(bytes)),
            Some(Err(error)) => self.failed = Some(error),
            None => {}
        }
        Poll::Ready(())
    }

    /// The trailers, once a read has seen the end.
    pub(crate) fn trailers(&self) -> Option<&HeaderMap> {
        self.ended.then_some(&self.trailers)
    }

    /// The trailers to which a guest adds before the body is sent.
    pub(crate) fn trailers_mut(&mut self) -> &mut HeaderMap {
        &mut self.trailers
    }

    /// Keeps to the trailers that the peer takes, of a message with these
    /// headers. Those that are known already are announced there, and `later`,
    /// which its writer holds.
    pub(crate) fn announce_trailers(
        &mut self,
        takes: Takes,
        headers: &mut HeaderMap,
        later: &HeaderMap,
    ) {
        let known = self.trailers.keys().chain(later.keys());
        self.allowed = trailers::announce(takes, headers, known);
        if takes == Takes::Nothing && !self.trailers.is_empty() {
            // Without them the content may have a known length.
            self.trailers = self.allowed_trailers();
        }
    }

    fn allowed_trailers(&mut self) -> HeaderMap {
        let trailers = std::mem::take(&mut self.trailers);
        match &self.allowed {
            Some(allowed) if !trailers.is_empty() => allowed.of(trailers),
            _ => trailers,
        }
    }

    pub(crate) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        if let Some(error) = &self.failed {
            return Poll::Ready(Some(Err(error.clone())));
        }
        loop {
            let Some(part) = self.parts.front_mut() else {
                self.ended = true;
                self.charges.clear();
                return Poll::Ready(None);
            };
            let chunk = match part {
                Part::Bytes(bytes) => Some(Ok(std::mem::take(bytes))),
                Part::Gathering(buffer) => Some(Ok(std::mem::take(buffer).freeze())),
                Part::Incoming(incoming) => match ready!(Pin::new(incoming).poll_frame(cx)) {
                    Some(Ok(frame)) => match keep_data(frame, &mut self.trailers) {
                        Some(data) => return Poll::Ready(Some(Ok(data))),
                        None => continue,
                    },
                    Some(Err(error)) => Some(Err(error.into())),
                    None => None,
                },
                Part::Foreign(body) => match ready!(body.as_mut().poll_frame(cx)) {
                    Some(Ok(frame)) => match keep_data(frame, &mut self.trailers) {
                        Some(data) => return Poll::Ready(Some(Ok(data))),
                        None => continue,
                    },
                    Some(Err(error)) => Some(Err(error)),
                    None => None,
                },
                Part::Stream(reader) => match ready!(reader.poll_piece(cx)) {
                    Some(Ok(Piece::Data(data))) => return Poll::Ready(Some(Ok(data.freeze()))),
                    Some(Ok(Piece::Body(body))) => {
                        self.splice_front(*body);
                        continue;
                    }
                    Some(Err(error)) => Some(Err(error)),
                    None => {
                        merge_trailers(&mut self.trailers, reader.take_trailers());
                        None
                    }
                },
            };
            self.parts.pop_front();
            match chunk {
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(Ok(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(Err(error)) => {
                    self.parts.clear();
                    self.failed = Some(error.clone());
                    return Poll::Ready(Some(Err(error)));
                }
                None => {}
            }
        }
    }

    fn splice_front(&mut self, body: Body) {
        for part in body.parts.into_iter().rev() {
            self.parts.push_front(part);
        }
        merge_trailers(&mut self.trailers, body.trailers);
        self.charges.extend(body.charges);
        self.failed = self.failed.take().or(body.failed);
    }
}

fn keep_data(frame: Frame<Bytes>, trailers: &mut HeaderMap) -> Option<Bytes> {
    match frame.into_data() {
        Ok(data) if data.is_empty() => None,
        Ok(data) => Some(data),
        Err(other) => {
            if let Ok(more) = other.into_trailers() {
                merge_trailers(trailers, more);
            }
            None
        }
    }
}

fn merge_trailers(into: &mut HeaderMap, from: HeaderMap) {
    if into.is_empty() {
        *into = from;
        return;
    }
    let mut name = None;
    for (next, value) in from {
        name = next.or(name);
        if let Some(name) = &name {
            // More trailers than a map holds are dropped, not a reason to fail.
            let _ = into.try_append(name.clone(), value);
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if this.told {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(this.poll_chunk(cx)) {
            Some(chunk) => {
                this.told = chunk.is_err();
                Some(chunk.map(Frame::data))
            }
            None if this.trailers.is_empty() => None,
            None => {
                let trailers = this.allowed_trailers();
                (!trailers.is_empty()).then(|| Ok(Frame::trailers(trailers)))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.failed.is_none()
            && self.trailers.is_empty()
            && self.parts.iter().all(|part| match part {
                Part::Bytes(bytes) => bytes.is_empty(),
                Part::Gathering(bytes) => bytes.is_empty(),
                Part::Incoming(incoming) => incoming.is_end_stream(),
                Part::Stream(_) => false,
                Part::Foreign(body) => body.is_end_stream(),
            })
    }

    fn size_hint(&self) -> SizeHint {
        match self.known_length() {
            // Trailers need chunked framing, which an exact length would rule out.
            Some(length) if self.trailers.is_empty() && self.failed.is_none() => {
                SizeHint::with_exact(length)
            }
            _ => SizeHint::default(),
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body")
            .field("parts", &self.parts.len())
            .field("known_length", &self.known_length())
            .finish_non_exhaustive()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let mut body = Self::empty();
        body.push_back(bytes);
        body
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl From<()> for Body {
    fn from((): ()) -> Self {
        Self::empty()
    }
}

struct MapError<B>(Pin<Box<B>>);

impl<B> http_body::Body for MapError<B>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.as_mut().poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests;
