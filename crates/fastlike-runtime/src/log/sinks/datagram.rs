//! A datagram a line.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use bytes::Bytes;
use rustix::io::Errno;
use tokio::net::{UdpSocket, UnixDatagram};

use super::stream::Streamed;
use super::{Failure, Progress};

enum Peer {
    Udp(String),
    Unix(PathBuf),
}

enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
    /// The path turned out to be one of streams.
    Stream(Streamed),
}

/// A socket that a datagram is sent over for each line.
pub(in crate::log) struct Datagrams {
    peer: Peer,
    socket: Option<Socket>,
}

impl Datagrams {
    pub(super) fn udp(address: String) -> Self {
        Self {
            peer: Peer::Udp(address),
            socket: None,
        }
    }

    pub(super) fn unix(path: PathBuf) -> Self {
        Self {
            peer: Peer::Unix(path),
            socket: None,
        }
    }

    pub(super) fn disconnect(&mut self) {
        self.socket = None;
    }

    pub(super) async fn send(
        &mut self,
        lines: &[Bytes],
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => connect(&self.peer).await.map_err(|e| Failure::io(&e))?,
        };
        match self.socket.insert(socket) {
            Socket::Stream(stream) => stream.send(lines, progress).await,
            Socket::Udp(socket) => {
                for line in lines {
                    settle(socket.send(line).await, line, progress)?;
                }
                Ok(())
            }
            Socket::Unix(socket) => {
                for line in lines {
                    settle(socket.send(line).await, line, progress)?;
                }
                Ok(())
            }
        }
    }
}

/// What came of one datagram. One that is too long never gets there.
fn settle(sent: io::Result<usize>, line: &Bytes, progress: &mut Progress) -> Result<(), Failure> {
    match sent {
        Ok(_) => {
            progress.delivered += 1;
            Ok(())
        }
        Err(error) if error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error()) => {
            progress.refused += 1;
            let length = line.len();
            Err(Failure::Final(format!(
                "a line of {length} bytes does not fit into a datagram"
            )))
        }
        Err(error) => Err(Failure::io(&error)),
    }
}

async fn connect(peer: &Peer) -> io::Result<Socket> {
    let path = match peer {
        Peer::Unix(path) => path,
        Peer::Udp(address) => {
            let mut last = io::Error::other("the name has no address");
            for address in tokio::net::lookup_host(address.as_str()).await? {
                match udp(address).await {
                    Ok(socket) => return Ok(Socket::Udp(socket)),
                    Err(error) => last = error,
                }
            }
            return Err(last);
        }
    };
    let socket = UnixDatagram::unbound()?;
    match socket.connect(path) {
        Ok(()) => Ok(Socket::Unix(socket)),
        Err(error) if error.raw_os_error() == Some(Errno::PROTOTYPE.raw_os_error()) => {
            Ok(Socket::Stream(Streamed::unix(path.clone())))
        }
        Err(error) => Err(error),
    }
}

async fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let own: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(own).await?;
    socket.connect(address).await?;
    Ok(socket)
}
