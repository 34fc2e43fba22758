//! A connection's bytes, and what was seen of them.
//!
//! hyper tells that a connection failed but not how far the peer had come;
//! so the stream under it takes notes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::backend::{SendError, tls};
use crate::limits;

/// What was seen on a connection.
#[derive(Debug, Default)]
pub(super) struct Seen {
    received: AtomicU64,
    /// Interim responses to the request that is under way.
    interims: AtomicU32,
    ended: AtomicBool,
    fault: OnceLock<SendError>,
}

impl Seen {
    /// Bytes that the peer sent so far.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// The peer ended the connection, in an orderly manner or not.
    pub(super) fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// The TLS fault that ended the connection, if one did.
    pub(super) fn fault(&self) -> Option<&SendError> {
        self.fault.get()
    }

    /// A request begins.
    pub(super) fn begin(&self) {
        self.interims.store(0, Ordering::Relaxed);
    }

    /// An interim response arrived. An origin that sends them for ever is
    /// not listened to any longer.
    pub(super) fn interim(&self) {
        let count = self.interims.fetch_add(1, Ordering::Relaxed);
        if count >= limits::ORIGIN_INTERIM {
            let most = limits::ORIGIN_INTERIM;
            let why = format!("more than {most} interim responses");
            let _ = self.fault.set(SendError::Protocol(why));
        }
    }

    fn failed(&self, error: &io::Error) {
        match tls::fault(error) {
            // Only the first fault is the cause of what follows.
            Some(fault) => drop(self.fault.set(fault)),
            None => self.ended.store(true, Ordering::Relaxed),
        }
    }
}

/// A connection to an origin.
pub(super) struct Wire {
    stream: Stream,
    seen: Arc<Seen>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self {
            stream: Stream::Plain(stream),
            seen: Arc::default(),
        }
    }

    pub(super) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self {
            stream: Stream::Tls(Box::new(stream)),
            seen: Arc::default(),
        }
    }

    pub(super) fn seen(&self) -> Arc<Seen> {
        Arc::clone(&self.seen)
    }

    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| self.seen.failed(error))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.seen.fault().is_some() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let before = buffer.filled().len();
        let read = ready!(match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        });
        this.note(read)?;
        let count = buffer.filled().len().saturating_sub(before);
        if count > 0 {
            this.seen
                .received
                .fetch_add(count as u64, Ordering::Relaxed);
        } else if buffer.remaining() > 0 {
            this.seen.ended.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        });
        Poll::Ready(this.note(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        });
        Poll::Ready(this.note(written))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = ready!(match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        });
        Poll::Ready(this.note(flushed))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
