//! Fanout with a real Pushpin. The program is its own origin behind it.

use std::time::Duration;

use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Ports, Pushpin, Server, Test, answering, read_head, soon};

/// A service whose Fanout goes through a Pushpin and comes back to it.
/// None where Pushpin is not installed: there is nothing to test then.
async fn fanout() -> Option<(Server, Pushpin)> {
    if !Pushpin::is_installed() {
        return None;
    }
    let ports = Ports::free();
    let proxy = format!("127.0.0.1:{}", ports.proxy);
    let server = Test::guest("http_req_fanout")
        .backend("self", answering(|_| Response::new("pushpin asks it")))
        .with(|builder| builder.grip_proxy(proxy))
        .start()
        .await
        .serve()
        .await;
    let pushpin = Pushpin::start(ports, "self", server.address).await;
    Some((server, pushpin))
}

/// Publishes until `received` is ready: a subscription takes a moment, of
/// which nothing tells.
async fn publish_until<T>(pushpin: &Pushpin, text: &str, received: impl Future<Output = T>) -> T {
    let publishing = async {
        let mut every = tokio::time::interval(Duration::from_millis(100));
        loop {
            every.tick().await;
            pushpin.publish(text).await;
        }
    };
    tokio::select! {
        received = received => received,
        () = publishing => unreachable!("it has no end"),
    }
}

#[tokio::test]
async fn a_stream_is_held_by_pushpin_and_gets_what_is_published() {
    let Some((server, pushpin)) = fanout().await else {
        return;
    };
    let mut client = server.connect().await;
    client
        .write("GET /stream HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    let head = client.read_head().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(!head.contains("grip-"), "{head}");
    client.read_until("the stream begins\n\r\n").await;
    let received = client.read_until("some news\n");
    publish_until(&pushpin, "some news\n", received).await;
}

#[tokio::test]
async fn a_websocket_is_held_by_pushpin_and_gets_what_is_published() {
    let Some((server, pushpin)) = fanout().await else {
        return;
    };
    let mut socket = WebSocket::handshake(&server).await;
    let head = read_head(&mut socket.0).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    socket.send("anybody there?").await;
    assert_eq!(socket.receive().await, "anybody there?");
    let received = publish_until(&pushpin, "some news", socket.receive()).await;
    assert_eq!(received, "some news");
}

/// A client that speaks just enough WebSocket (RFC 6455): short texts.
struct WebSocket(TcpStream);

impl WebSocket {
    async fn handshake(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).await;
        let mut stream = stream.expect("listening");
        let handshake = "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\
            Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(handshake.as_bytes()).await.expect("sent");
        Self(stream)
    }

    async fn send(&mut self, text: &str) {
        // A whole text, masked with zeros.
        let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        self.0.write_all(&frame).await.expect("sent");
    }

    async fn receive(&mut self) -> String {
        let mut head = [0; 2];
        let read = soon("a frame", self.0.read_exact(&mut head)).await;
        read.expect("a frame");
        assert_eq!(head[0], 0x81, "a whole text");
        let mut text = vec![0; head[1].into()];
        let read = soon("a text", self.0.read_exact(&mut text)).await;
        read.expect("all of it");
        String::from_utf8(text).expect("text")
    }
}
