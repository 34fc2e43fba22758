//! A client's TCP stream, below TLS and HTTP.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::client::PREFACE;
use crate::limits;

/// A client's TCP stream: can be looked at before it is read, keeps the bytes
/// with which TLS begins, and fails when the client takes nothing for too long.
pub(crate) struct Socket {
    pub(super) stream: TcpStream,
    /// What was read already and belongs to whom reads next.
    ahead: Vec<u8>,
    record: Option<Vec<u8>>,
    idle: Duration,
    stuck: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    /// A stream whose writes fail when the client takes nothing for `idle`.
    pub(crate) fn new(stream: TcpStream, idle: Duration) -> Self {
        Self {
            stream,
            ahead: Vec::new(),
            record: None,
            idle,
            stuck: None,
        }
    }

    /// Whether the client begins with HTTP/2's preface (RFC 9113 section 3.4).
    pub(crate) async fn speaks_http2(&mut self) -> io::Result<bool> {
        if self.ahead.is_empty() {
            // Almost always the first bytes tell, and need not be taken out.
            let mut first = [0; PREFACE.len()];
            let length = self.stream.peek(&mut first).await?;
            let first = first.get(..length).unwrap_or_default();
            if !PREFACE.starts_with(first) || first.is_empty() {
                return Ok(false);
            }
            if length == PREFACE.len() {
                return Ok(true);
            }
        }
        loop {
            if self.ahead.starts_with(PREFACE) {
                return Ok(true);
            }
            if !PREFACE.starts_with(&self.ahead) || self.read_ahead().await? == 0 {
                return Ok(false);
            }
        }
    }

    /// Reads some bytes that stay to be read: see [`Socket::ahead`].
    pub(crate) async fn read_ahead(&mut self) -> io::Result<usize> {
        self.stream.read_buf(&mut self.ahead).await
    }

    /// The bytes that were read ahead.
    pub(crate) fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// Takes bytes that were read ahead away.
    pub(crate) fn discard_ahead(&mut self, length: usize) {
        drop(self.ahead.drain(..length.min(self.ahead.len())));
    }

    /// Begins to keep what is read.
    pub(crate) fn begin_record(&mut self) {
        self.record = Some(Vec::new());
    }

    /// Ends it, and gives what was read: its first
    /// [`limits::CLIENT_HELLO`] bytes.
    pub(crate) fn take_record(&mut self) -> Vec<u8> {
        self.record.take().unwrap_or_default()
    }

    fn keep(&mut self, bytes: &[u8]) {
        if let Some(record) = &mut self.record {
            let room = limits::CLIENT_HELLO.saturating_sub(record.len());
            record.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
    }

    fn written(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if result.is_ready() {
            self.stuck = None;
            return result;
        }
        let idle = self.idle;
        let stuck = self
            .stuck
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + idle)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client takes nothing",
        )))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.ahead.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        } else {
            let length = self.ahead.len().min(buf.remaining());
            buf.put_slice(self.ahead.get(..length).unwrap_or_default());
            self.discard_ahead(length);
            if self.ahead.is_empty() {
                self.ahead = Vec::new();
            }
        }
        if self.record.is_some() {
            self.keep(buf.filled().get(before..).unwrap_or_default());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    /// The server's side of a connection whose client has sent the pieces,
    /// one after the other was looked at.
    async fn looked_at(pieces: &[&[u8]]) -> (bool, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let mut client = TcpStream::connect(address).await.expect("a connection");
        client.set_nodelay(true).expect("an option");
        let (stream, _) = listener.accept().await.expect("accepted");
        let mut socket = Socket::new(stream, Duration::from_secs(1));
        let send = async {
            for piece in pieces {
                client.write_all(piece).await.expect("sent");
                tokio::task::yield_now().await;
            }
            client.shutdown().await.expect("ended");
        };
        let (speaks, ()) = tokio::join!(socket.speaks_http2(), send);
        let mut rest = Vec::new();
        socket.read_to_end(&mut rest).await.expect("read");
        (speaks.expect("looked"), rest)
    }

    #[tokio::test]
    async fn looking_takes_nothing_away() {
        let (start, end) = PREFACE.split_at(3);
        for (pieces, speaks) in [
            (&[PREFACE, b"more"][..], true),
            (&[start, end, b"more"], true),
            (&[b"GET / HTTP/1.1\r\n\r\n"], false),
            (&[b"P", b"OST / HTTP/1.1\r\n\r\n"], false),
            (&[start], false),
            (&[], false),
        ] {
            let (found, rest) = looked_at(pieces).await;
            assert_eq!((found, rest), (speaks, pieces.concat()));
        }
    }

    #[tokio::test]
    async fn what_is_kept_of_a_handshake_is_bounded() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let mut client = TcpStream::connect(address).await.expect("a connection");
        let (stream, _) = listener.accept().await.expect("accepted");
        let mut socket = Socket::new(stream, Duration::from_secs(1));
        socket.begin_record();
        let sent = vec![7; limits::CLIENT_HELLO + 1];
        client.write_all(&sent).await.expect("sent");
        let mut read = vec![0; sent.len()];
        socket.read_exact(&mut read).await.expect("read");
        assert_eq!(socket.take_record().len(), limits::CLIENT_HELLO);
    }
}
