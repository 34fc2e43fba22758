//! What the runtime sees of a client's connection below HTTP: request heads
//! as they were written, how an HTTP/2 client begins, and the connection's end.

mod heads;
mod socket;

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::HeaderMap;
use parking_lot::Mutex;
use socket2::SockRef;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::sync::Notify;

use crate::client::{H2Reading, read_h2_fingerprint};
use crate::interim::{Interim, Next, TooMany};
use crate::limits;
use heads::HeadTap;

pub(crate) use socket::Socket;

/// A connection, seen from the side of its requests.
#[derive(Debug)]
pub(crate) struct Wire {
    tap: Mutex<Tap>,
    http2: bool,
    fingerprint: OnceLock<Arc<str>>,
    interim: Interim,
    socket: Option<std::os::fd::OwnedFd>,
    /// The last write has found no room.
    blocked: AtomicBool,
    unblocked: AtomicWaker,
    over: AtomicBool,
    ended: Notify,
}

/// What is looked for in the bytes that a client sends.
#[derive(Debug)]
enum Tap {
    Heads(HeadTap),
    /// An HTTP/2 connection's first bytes.
    Beginning(Vec<u8>),
    Off,
}

impl Tap {
    fn feed(&mut self, bytes: &[u8], fingerprint: &OnceLock<Arc<str>>) {
        match self {
            Self::Heads(heads) => heads.feed(bytes),
            Self::Beginning(beginning) => {
                beginning.extend_from_slice(bytes);
                match read_h2_fingerprint(beginning) {
                    H2Reading::Incomplete if beginning.len() <= limits::H2_BEGINNING => return,
                    H2Reading::Incomplete | H2Reading::Invalid => {}
                    H2Reading::Done(found) => drop(fingerprint.set(found.into())),
                }
                *self = Self::Off;
            }
            Self::Off => {}
        }
    }
}

impl Wire {
    /// The head of the request that the HTTP connection has just parsed.
    pub(crate) fn take_head(&self, headers: &HeaderMap) -> Option<Box<[u8]>> {
        match &mut *self.tap.lock() {
            Tap::Heads(heads) => heads.take(headers),
            Tap::Beginning(_) | Tap::Off => None,
        }
    }

    /// How the client began its HTTP/2 connection.
    pub(crate) fn h2_fingerprint(&self) -> Option<Arc<str>> {
        self.fingerprint.get().cloned()
    }

    /// The connection is one of HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        self.http2
    }

    /// Writes the head of an interim response before anything else of the
    /// request that is being answered. Called from the task of the HTTP/1.1
    /// connection, which flushes it.
    pub(crate) fn interim(&self, head: &[u8]) -> Result<(), TooMany> {
        self.interim.push(head)
    }

    /// Ready while the client takes what is written. For the task of the
    /// connection, which writes as well.
    pub(crate) fn poll_taken(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.blocked.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        self.unblocked.register(cx.waker());
        Poll::Pending
    }

    /// Returns when the peer has closed its side of the connection, even
    /// while bytes that it sent before were not read.
    pub(crate) async fn closed(&self) {
        match self.watch().await {
            Ok(()) => {}
            // Nothing to see: the HTTP connection notices by itself, later.
            Err(_) => std::future::pending().await,
        }
    }

    /// Returns when nobody has the connection's stream any more.
    pub(crate) async fn ended(&self) {
        let ended = self.ended.notified();
        if !self.over.load(Ordering::Acquire) {
            ended.await;
        }
    }

    /// There is no more HTTP to look at: it ended, or changed to another
    /// protocol.
    pub(crate) fn stop_looking(&self) {
        *self.tap.lock() = Tap::Off;
    }

    /// Closes the connection, whoever has its stream.
    pub(crate) fn cut_off(&self) {
        if let Some(socket) = &self.socket {
            drop(SockRef::from(socket).shutdown(std::net::Shutdown::Both));
        }
    }

    async fn watch(&self) -> io::Result<()> {
        let socket = self
            .socket
            .as_ref()
            .ok_or(io::ErrorKind::Unsupported)?
            .try_clone()?;
        #[expect(
            deprecated,
            reason = "its successor is an unsafe fn; an owned descriptor meets what that asks for"
        )]
        let watched = AsyncFd::with_interest(socket, Interest::READABLE)?;
        loop {
            let mut readiness = watched.readable().await?;
            if readiness.ready().is_read_closed() {
                return Ok(());
            }
            // Data is no news; the next event is more data or the end.
            readiness.clear_ready();
        }
    }
}

/// A client's stream of HTTP, over TCP or TLS, that shows what goes over it to
/// its [`Wire`].
pub(crate) struct WireStream<S> {
    stream: S,
    wire: Arc<Wire>,
}

/// A stream over a [`Socket`].
pub(crate) trait OverSocket {
    fn socket(&self) -> &Socket;
}

impl OverSocket for Socket {
    fn socket(&self) -> &Socket {
        self
    }
}

impl OverSocket for tokio_rustls::server::TlsStream<Socket> {
    fn socket(&self) -> &Socket {
        self.get_ref().0
    }
}

impl<S: OverSocket> WireStream<S> {
    pub(crate) fn new(stream: S, http2: bool) -> (Self, Arc<Wire>) {
        use std::os::fd::AsFd as _;
        let socket = stream.socket().stream.as_fd();
        let tap = if http2 {
            Tap::Beginning(Vec::new())
        } else {
            Tap::Heads(HeadTap::default())
        };
        let wire = Arc::new(Wire {
            tap: Mutex::new(tap),
            http2,
            fingerprint: OnceLock::new(),
            interim: Interim::default(),
            // HTTP/2 does without: hyper watches it, and it becomes nothing else.
            socket: (!http2).then(|| socket.try_clone_to_owned().ok()).flatten(),
            blocked: AtomicBool::new(false),
            unblocked: AtomicWaker::new(),
            over: AtomicBool::new(false),
            ended: Notify::new(),
        });
        let this = Self {
            stream,
            wire: Arc::clone(&wire),
        };
        (this, wire)
    }
}

impl<S> Drop for WireStream<S> {
    fn drop(&mut self) {
        // Others may have the wire, and with it the socket, for longer: a
        // sandbox that waits for its next request keeps that of the last one.
        self.wire.cut_off();
        self.wire.over.store(true, Ordering::Release);
        self.wire.ended.notify_waiters();
    }
}

impl<S: AsyncWrite + Unpin> WireStream<S> {
    /// Writes what waits of interim responses when the HTTP connection has
    /// nothing to write before them.
    fn poll_hints(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire.interim.http_wrote(0, 0);
        while let Some(bytes) = self.wire.interim.alone() {
            ready!(self.poll_hint(cx, bytes))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes some of an interim response.
    fn poll_hint(&mut self, cx: &mut Context<'_>, bytes: Bytes) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, &bytes);
        let written = match &result {
            Poll::Ready(Ok(written)) => *written,
            _ => 0,
        };
        self.wire.interim.wrote(bytes, written);
        match ready!(result) {
            Ok(0) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            other => Poll::Ready(other.map(drop)),
        }
    }

    fn http_wrote(&self, offered: usize, result: &Poll<io::Result<usize>>) {
        let blocked = result.is_pending();
        if blocked != self.wire.blocked.load(Ordering::Relaxed) {
            self.wire.blocked.store(blocked, Ordering::Relaxed);
            self.wire.unblocked.wake();
        }
        let written = match result {
            Poll::Ready(Ok(written)) => *written,
            _ => 0,
        };
        self.wire.interim.http_wrote(offered, written);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WireStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Some(new) = buf.filled().get(before..)
            && !new.is_empty()
        {
            let wire = &self.wire;
            wire.tap.lock().feed(new, &wire.fingerprint);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WireStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let most = loop {
            match self.wire.interim.next() {
                Next::Http(most) => break most,
                Next::Interim(bytes) => ready!(self.poll_hint(cx, bytes))?,
            }
        };
        let now = buf.get(..most).unwrap_or(buf);
        let result = Pin::new(&mut self.stream).poll_write(cx, now);
        self.http_wrote(buf.len(), &result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = bufs.iter().map(|buf| buf.len()).sum();
        let most = loop {
            match self.wire.interim.next() {
                Next::Http(most) => break most,
                Next::Interim(bytes) => ready!(self.poll_hint(cx, bytes))?,
            }
        };
        let result = if most >= offered {
            Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
        } else {
            // The rest of a response before an interim one: buffer by buffer.
            let first = bufs.iter().find(|buf| !buf.is_empty());
            let first = first.map_or(&[][..], |buf| buf.get(..most).unwrap_or(buf));
            Pin::new(&mut self.stream).poll_write(cx, first)
        };
        self.http_wrote(offered, &result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_hints(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_kept_up_to_the_limit() {
        let found = OnceLock::new();
        let mut tap = Tap::Beginning(Vec::new());
        let preface = crate::client::PREFACE;
        // A frame of settings that never ends.
        let mut sent = [preface, &[0xff, 0xff, 0xff, 4, 0, 0, 0, 0, 0]].concat();
        sent.resize(limits::H2_BEGINNING, 0);
        tap.feed(&sent, &found);
        assert!(matches!(tap, Tap::Beginning(_)));
        tap.feed(&[0], &found);
        assert!(matches!(tap, Tap::Off));
        assert!(found.get().is_none());
    }
}
