//! Clients of HTTP/2: one that keeps the rules, and one that writes frames.

use bytes::Bytes;
use fastlike_runtime::Body;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{Server, soon};

/// A client that keeps the rules.
pub(crate) struct H2 {
    requests: SendRequest<Body>,
    pub(crate) connection: JoinHandle<hyper::Result<()>>,
}

impl H2 {
    /// Connects in cleartext, knowing that the server speaks HTTP/2.
    pub(crate) async fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).await.expect("listening");
        Self::over(stream).await
    }

    /// Speaks over a stream that there is already.
    pub(crate) async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let shaken = handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (requests, connection) = soon("a handshake", shaken).await.expect("HTTP/2");
        Self {
            requests,
            connection: tokio::spawn(connection),
        }
    }

    /// Sends a request and returns without waiting for its response.
    pub(crate) fn begin(
        &self,
        request: Request<Body>,
    ) -> JoinHandle<hyper::Result<Response<Incoming>>> {
        let sending = self.requests.clone().send_request(request);
        tokio::spawn(sending)
    }

    /// A whole answer: status, body, trailers.
    pub(crate) async fn send(&self, request: Request<Body>) -> (u16, String, HeaderMap) {
        let response = soon("a response", self.begin(request)).await;
        let response = response.expect("no panic").expect("a response");
        let status = response.status().as_u16();
        let collected = soon("a body", response.into_body().collect()).await;
        let collected = collected.expect("a whole body");
        let trailers = collected.trailers().cloned().unwrap_or_default();
        let text = String::from_utf8(collected.to_bytes().to_vec()).expect("text");
        (status, text, trailers)
    }

    /// As `send`, of a GET.
    pub(crate) async fn get(&self, url: &str) -> (u16, String, HeaderMap) {
        let request = Request::get(url).body(Body::empty());
        self.send(request.expect("valid")).await
    }
}

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// `GET http://a/`: three fields of the static table and one literal.
pub(crate) const GET: &[u8] = b"\x82\x86\x84\x41\x01a";

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The number at the payload's `at`, such as an error code.
    pub(crate) fn number(&self, at: usize) -> u32 {
        let bytes = self.payload[at..at + 4].try_into();
        u32::from_be_bytes(bytes.expect("four bytes"))
    }
}

/// A frame's bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head[..], &stream.to_be_bytes(), payload].concat()
}

/// A literal header field that changes no table.
pub(crate) fn literal(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.len();
        if rest < 127 {
            bytes.push(u8::try_from(rest).expect("short"));
        } else {
            bytes.push(127);
            rest -= 127;
            while rest >= 128 {
                bytes.push(u8::try_from(rest % 128).expect("a byte") | 128);
                rest /= 128;
            }
            bytes.push(u8::try_from(rest).expect("a byte"));
        }
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    [vec![0], text(name), text(value)].concat()
}

/// A client that writes and reads frames as a test tells it.
pub(crate) struct RawH2 {
    pub(crate) stream: TcpStream,
}

impl RawH2 {
    /// Connects and sends its preface with these settings.
    pub(crate) async fn connect(server: &Server, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(server.address).await.expect("listening");
        stream.set_nodelay(true).expect("a TCP option");
        let mut this = Self { stream };
        let payload: Vec<u8> = settings
            .iter()
            .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        this.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        this.write(&frame(SETTINGS, 0, 0, &payload)).await;
        this
    }

    /// Writes; false if the server has closed.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> bool {
        soon("room to write", self.stream.write_all(bytes))
            .await
            .is_ok()
    }

    /// The next frame; none at the connection's end. Answers pings.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        let read = soon("a frame", self.stream.read_exact(&mut head)).await;
        read.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).expect("small")];
        let read = soon("a frame", self.stream.read_exact(&mut payload)).await;
        read.ok()?;
        let frame = Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
            payload,
        };
        if frame.kind == PING && frame.flags & ACK == 0 {
            self.write(&self::frame(PING, ACK, 0, &frame.payload)).await;
        }
        Some(frame)
    }

    /// The next frame of a kind; none if the connection ends before.
    pub(crate) async fn next_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.kind == kind && frame.flags & u8::from(kind == SETTINGS) == 0 {
                return Some(frame);
            }
        }
    }

    /// The value of one of the server's settings.
    pub(crate) async fn setting(&mut self, wanted: u16) -> Option<u32> {
        let settings = self.next_of(SETTINGS).await?;
        settings.payload.chunks(6).find_map(|pair| {
            let value = u32::from_be_bytes(pair[2..].try_into().expect("four bytes"));
            (pair[..2] == wanted.to_be_bytes()).then_some(value)
        })
    }

    /// Everything to the connection's end.
    pub(crate) async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }
}

/// A body of text for a request.
pub(crate) fn text(text: &str) -> Body {
    Body::from(Bytes::from(text.to_owned()))
}
