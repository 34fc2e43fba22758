//! The two ends of a streaming body: a guest writes, a connection reads.
//!
//! Holds a bounded number of bytes; a writer that is ahead waits. Ending
//! without [`StreamWriter::finish`] is an abandoned body, which the reader
//! sees as an error and passes on as a truncated message.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use http::HeaderMap;
use parking_lot::Mutex;

use super::body::{Body, BodyError};
use crate::limits;

pub(super) enum Piece {
    Data(BytesMut),
    Body(Box<Body>),
}

#[derive(Default)]
struct State {
    queue: VecDeque<Piece>,
    queued: usize,
    end: Option<Result<HeaderMap, BodyError>>,
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl State {
    fn has_room(&self) -> bool {
        self.queued < limits::STREAM_BYTES && self.queue.len() < limits::STREAM_PIECES
    }
}

/// The write end.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    shared: Arc<Mutex<State>>,
    trailers: HeaderMap,
}

/// The read end; becomes a part of a [`Body`].
pub(super) struct StreamReader(Arc<Mutex<State>>);

/// The reader is gone: nothing written from now on arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Undelivered;

/// Why a body was not moved into a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAppended {
    /// The reader is gone.
    Undelivered,
    /// It contains the stream itself, or streams within streams, too deep.
    Nested,
}

impl From<Undelivered> for NotAppended {
    fn from(_: Undelivered) -> Self {
        Self::Undelivered
    }
}

/// A streaming body that begins with what `preamble` already holds.
pub(crate) fn channel(mut preamble: Body) -> (StreamWriter, Body) {
    let shared = Arc::new(Mutex::new(State::default()));
    let trailers = std::mem::take(preamble.trailers_mut());
    preamble.append(Body::from_stream(StreamReader(Arc::clone(&shared))));
    (StreamWriter { shared, trailers }, preamble)
}

impl StreamWriter {
    /// Ready when a write would not wait: there is room, or the reader is gone.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.shared.lock();
        if state.reader_gone || state.has_room() {
            return Poll::Ready(());
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Copies the beginning of `bytes` and says how many were taken: at least
    /// one, at most [`limits::STREAM_CHUNK`]. Waits while the stream is full.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<usize, Undelivered> {
        if bytes.is_empty() {
            return Ok(0);
        }
        std::future::poll_fn(|cx| self.poll_writable(cx)).await;
        let taken = &bytes[..bytes.len().min(limits::STREAM_CHUNK)];
        self.push(taken.len(), |queue| match queue.back_mut() {
            Some(Piece::Data(buffer)) if buffer.capacity() - buffer.len() >= taken.len() => {
                buffer.extend_from_slice(taken);
            }
            last => {
                // A second small write in a row is a sign of more to come.
                let gather = if last.is_some() {
                    limits::STREAM_CHUNK / 4
                } else {
                    0
                };
                let mut buffer = BytesMut::with_capacity(taken.len().max(gather));
                buffer.extend_from_slice(taken);
                queue.push_back(Piece::Data(buffer));
            }
        })?;
        Ok(taken.len())
    }

    /// Moves a whole body into the stream. Waits while the stream is full.
    pub(crate) async fn append(&mut self, body: Body) -> Result<(), NotAppended> {
        if !self.can_hold(&body, limits::STREAM_NESTING) {
            return Err(NotAppended::Nested);
        }
        std::future::poll_fn(|cx| self.poll_writable(cx)).await;
        self.push(0, |queue| queue.push_back(Piece::Body(Box::new(body))))?;
        Ok(())
    }

    /// Whether no stream within `body` is this one, which would then hold
    /// itself and never be freed, and they are nested no deeper than `levels`.
    /// An origin that echoes its request gives a guest such bodies.
    fn can_hold(&self, body: &Body, levels: usize) -> bool {
        body.streams().all(|reader| {
            if levels == 0 || Arc::ptr_eq(&reader.0, &self.shared) {
                return false;
            }
            let state = reader.0.lock();
            state.queue.iter().all(|piece| match piece {
                Piece::Data(_) => true,
                Piece::Body(body) => self.can_hold(body, levels - 1),
            })
        })
    }

    fn push(
        &self,
        length: usize,
        put: impl FnOnce(&mut VecDeque<Piece>),
    ) -> Result<(), Undelivered> {
        let mut state = self.shared.lock();
        if state.reader_gone {
            return Err(Undelivered);
        }
        put(&mut state.queue);
        state.queued = state.queued.saturating_add(length);
        let waker = state.reader.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// The trailers that are sent when the body is finished.
    pub(crate) fn trailers_mut(&mut self) -> &mut HeaderMap {
        &mut self.trailers
    }

    /// Ends the body as a complete message.
    pub(crate) fn finish(mut self) {
        let trailers = std::mem::take(&mut self.trailers);
        self.end(Ok(trailers));
    }

    fn end(&self, end: Result<HeaderMap, BodyError>) {
        let mut state = self.shared.lock();
        if state.end.is_none() {
            state.end = Some(end);
        }
        let waker = state.reader.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        self.end(Err(BodyError::Abandoned));
    }
}

impl StreamReader {
    pub(super) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Piece, BodyError>>> {
        let mut state = self.0.lock();
        if let Some(piece) = state.queue.pop_front() {
            if let Piece::Data(data) = &piece {
                state.queued = state.queued.saturating_sub(data.len());
            }
            let waker = if state.has_room() {
                state.writer.take()
            } else {
                None
            };
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
            return Poll::Ready(Some(Ok(piece)));
        }
        match &state.end {
            Some(Ok(_)) => Poll::Ready(None),
            Some(Err(error)) => Poll::Ready(Some(Err(error.clone()))),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    pub(super) fn take_trailers(&mut self) -> HeaderMap {
        match &mut self.0.lock().end {
            Some(Ok(trailers)) => std::mem::take(trailers),
            _ => HeaderMap::new(),
        }
    }
}

impl Drop for StreamReader {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.reader_gone = true;
        let abandoned = std::mem::take(&mut state.queue);
        let waker = state.writer.take();
        drop(state);
        drop(abandoned);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("queued", &self.queued)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn what_is_written_arrives_after_the_preamble_and_before_the_trailers() {
        let (mut writer, body) = channel(Body::from("<"));
        let reading = tokio::spawn(body.collect());
        assert_eq!(writer.write(b"one ").await, Ok(4));
        writer.append(Body::from("two")).await.expect("delivered");
        assert_eq!(writer.write(b">").await, Ok(1));
        writer
            .trailers_mut()
            .insert("x-end", "yes".parse().expect("value"));
        writer.finish();
        let collected = reading.await.expect("task").expect("whole body");
        assert_eq!(
            collected.trailers().map(|t| t["x-end"].clone()),
            Some("yes".parse().expect("value"))
        );
        assert_eq!(collected.to_bytes(), "<one two>");
    }

    #[tokio::test]
    async fn a_dropped_writer_truncates_the_body() {
        let (mut writer, body) = channel(Body::empty());
        writer.write(b"half").await.expect("delivered");
        drop(writer);
        assert_eq!(body.collect().await.err(), Some(BodyError::Abandoned));
    }

    #[tokio::test]
    async fn a_full_stream_waits_and_a_reader_that_left_is_an_error() {
        let (mut writer, body) = channel(Body::empty());
        let chunk = vec![0u8; limits::STREAM_CHUNK * 2];
        let mut taken = 0;
        let mut cx = Context::from_waker(Waker::noop());
        while writer.poll_writable(&mut cx).is_ready() {
            taken += writer.write(&chunk).await.expect("delivered");
        }
        assert!(taken <= limits::STREAM_BYTES + limits::STREAM_CHUNK);
        drop(body);
        assert_eq!(writer.write(&chunk).await, Err(Undelivered));
    }

    #[tokio::test]
    async fn whole_bodies_fill_a_stream_by_their_number() {
        let (mut writer, body) = channel(Body::empty());
        for _ in 0..limits::STREAM_PIECES {
            writer.append(Body::from("piece")).await.expect("delivered");
        }
        let mut cx = Context::from_waker(Waker::noop());
        assert!(writer.poll_writable(&mut cx).is_pending());
        drop(body);
        assert!(writer.poll_writable(&mut cx).is_ready());
    }

    #[tokio::test]
    async fn a_stream_cannot_hold_itself() {
        let (mut one, first) = channel(Body::empty());
        let (mut two, second) = channel(Body::from("<"));
        one.append(second).await.expect("delivered");
        assert_eq!(two.append(first).await, Err(NotAppended::Nested));
        let (mut alone, own) = channel(Body::empty());
        assert_eq!(alone.append(own).await, Err(NotAppended::Nested));
    }

    #[tokio::test]
    async fn streams_are_nested_up_to_the_limit_and_not_deeper() {
        let (innermost, mut body) = channel(Body::empty());
        innermost.finish();
        for level in 1..=limits::STREAM_NESTING + 1 {
            let (mut writer, outer) = channel(Body::empty());
            let appended = writer.append(body).await;
            writer.finish();
            if level > limits::STREAM_NESTING {
                assert_eq!(appended, Err(NotAppended::Nested));
                return;
            }
            appended.expect("not too deep");
            body = outer;
        }
    }
}
