//! Lines over a connection.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::{Failure, Progress};

/// How lines are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// A line feed is after each.
    Lines,
    /// The length is before each (RFC 6587 section 3.4.1).
    Counted,
}

enum Peer {
    Tcp(String),
    Unix(PathBuf),
}

trait Connection: AsyncRead + AsyncWrite + Send {}

impl<C: AsyncRead + AsyncWrite + Send> Connection for C {}

/// A connection that lines are written to, made when it is needed.
pub(in crate::log) struct Streamed {
    peer: Peer,
    framing: Framing,
    connection: Option<Pin<Box<dyn Connection>>>,
}

impl Streamed {
    pub(super) fn tcp(address: String, framing: Framing) -> Self {
        Self::to(Peer::Tcp(address), framing)
    }

    pub(super) fn unix(path: PathBuf) -> Self {
        Self::to(Peer::Unix(path), Framing::Counted)
    }

    fn to(peer: Peer, framing: Framing) -> Self {
        Self {
            peer,
            framing,
            connection: None,
        }
    }

    pub(super) fn disconnect(&mut self) {
        self.connection = None;
    }

    pub(super) async fn send(
        &mut self,
        lines: &[Bytes],
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let text = framed(self.framing, lines);
        let sent = async {
            let connection = self.connected().await?;
            connection.write_all(&text).await?;
            connection.flush().await
        };
        sent.await.map_err(|error: io::Error| Failure::io(&error))?;
        progress.delivered = lines.len();
        Ok(())
    }

    /// The connection, unless the peer has closed it: what is written to such
    /// a one is lost without an error.
    async fn connected(&mut self) -> io::Result<&mut Pin<Box<dyn Connection>>> {
        let open = match self.connection.take() {
            Some(mut connection) => {
                // So that what has come meanwhile is noticed.
                tokio::task::yield_now().await;
                is_open(&mut connection).then_some(connection)
            }
            None => None,
        };
        let connection = match (open, &self.peer) {
            (Some(connection), _) => connection,
            (None, Peer::Tcp(address)) => {
                let stream = TcpStream::connect(address.as_str()).await?;
                Box::pin(stream) as Pin<Box<dyn Connection>>
            }
            (None, Peer::Unix(path)) => Box::pin(UnixStream::connect(path).await?),
        };
        Ok(self.connection.insert(connection))
    }
}

/// Whether the peer has not closed its side. What it says is not read on.
fn is_open(connection: &mut Pin<Box<dyn Connection>>) -> bool {
    let mut said = [0; 256];
    match connection.read(&mut said).now_or_never() {
        None => true,
        Some(Ok(length)) => length > 0,
        Some(Err(_)) => false,
    }
}

fn framed(framing: Framing, lines: &[Bytes]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in lines {
        if framing == Framing::Counted {
            text.extend_from_slice(format!("{} ", line.len()).as_bytes());
        }
        text.extend_from_slice(line);
        if framing == Framing::Lines {
            text.push(b'\n');
        }
    }
    text
}
