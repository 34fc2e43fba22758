//! A server that a test plays itself, byte by byte.

use std::net::SocketAddr;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::soon;

/// A server on a port of its own.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    listener: TcpListener,
}

impl Peer {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self {
            address: listener.local_addr().expect("bound"),
            listener,
        }
    }

    /// The next connection, and the head of its request in lower case.
    pub(crate) async fn accept(&self) -> (TcpStream, String) {
        let accepted = soon("a connection", self.listener.accept()).await;
        let (mut stream, _) = accepted.expect("a connection");
        let head = read_head(&mut stream).await.to_lowercase();
        (stream, head)
    }
}

/// The head of the next message, and not a byte more.
pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = soon("a head", stream.read_u8()).await;
        head.push(byte.expect("the whole head"));
    }
    String::from_utf8(head).expect("text")
}
