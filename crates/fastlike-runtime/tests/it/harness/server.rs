//! A real listener, and a client that writes and reads bytes.

use std::net::SocketAddr;

use fastlike_runtime::{Current, ServeOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::soon;

/// A service that listens until this is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(current: impl Into<Current>, options: ServeOptions) -> Self {
        let current = current.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let shutdown = async { drop(stopped.await) };
            let served = current.serve_with(listener, options, shutdown);
            served.await.expect("served");
        });
        Self {
            address,
            stop: Some(stop),
            serving,
        }
    }

    pub(crate) async fn connect(&self) -> Wire {
        let stream = TcpStream::connect(self.address).await.expect("listening");
        stream.set_nodelay(true).expect("a TCP option");
        Wire {
            stream,
            unread: Vec::new(),
        }
    }

    /// What a client gets that sends `request` and reads to the end.
    pub(crate) async fn exchange(&self, request: &str) -> String {
        let mut wire = self.connect().await;
        wire.write(request).await;
        wire.read_to_end().await
    }

    /// Begins to shut down, and returns when the server has drained.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        soon("the end of the server", self.serving)
            .await
            .expect("no panic");
    }
}

/// A client's connection, byte by byte.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .await
            .expect("written");
    }

    /// Everything up to and including `end`.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        loop {
            let found = self
                .unread
                .windows(end.len())
                .position(|window| window == end.as_bytes());
            if let Some(at) = found {
                let rest = self.unread.split_off(at + end.len());
                let read = std::mem::replace(&mut self.unread, rest);
                return String::from_utf8(read).expect("text");
            }
            let more = soon(end, self.stream.read_buf(&mut self.unread)).await;
            let unread = String::from_utf8_lossy(&self.unread);
            assert!(
                matches!(more, Ok(1..)),
                "the connection ended before {end:?}: {more:?} after {unread:?}"
            );
        }
    }

    /// Exactly `length` bytes.
    pub(crate) async fn read(&mut self, length: usize) -> String {
        while self.unread.len() < length {
            let more = soon("more bytes", self.stream.read_buf(&mut self.unread)).await;
            assert!(matches!(more, Ok(1..)), "the connection ended: {more:?}");
        }
        let rest = self.unread.split_off(length);
        let read = std::mem::replace(&mut self.unread, rest);
        String::from_utf8(read).expect("text")
    }

    /// The head of the next response.
    pub(crate) async fn read_head(&mut self) -> String {
        self.read_until("\r\n\r\n").await
    }

    /// Everything to the end of the connection, be it a reset.
    pub(crate) async fn read_to_end(&mut self) -> String {
        drop(
            soon(
                "the end of the connection",
                self.stream.read_to_end(&mut self.unread),
            )
            .await,
        );
        String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned()
    }
}
