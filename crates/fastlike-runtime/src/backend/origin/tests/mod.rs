//! An [`Origin`] against real sockets: each test writes down, byte for byte,
//! what the server does.

mod checks;
mod connecting;
mod faults;
mod frames;
mod hostile;
mod http2;
mod http2_faults;
mod messages;
mod pooling;
mod reuse;
mod timeouts;
mod tls;
mod upgrades;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::Origin;
use crate::backend::{Backend, SendContext, SendError};
use crate::http::{Body, BodyError};

/// A response with the body "ok".
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server that runs a script for each connection.
struct Scripted {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Scripted {
    /// `script` gets each connection and its number, from 0.
    async fn start<F, Fut>(script: F) -> Self
    where
        F: Fn(Peer, usize) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(Peer(BufReader::new(stream)), number));
            }
        });
        Self {
            address,
            accepted,
            accepting,
        }
    }

    fn origin(&self) -> Origin {
        self.origin_at("")
    }

    fn origin_at(&self, path: &str) -> Origin {
        Origin::new(&format!("http://{}{path}", self.address)).expect("a valid URL")
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Time to connect to this machine, however busy it is.
const PATIENCE: Duration = Duration::from_secs(60);

/// An address where nobody listens, or can while the socket is there.
fn closed_port() -> (SocketAddr, tokio::net::TcpSocket) {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(any).expect("a port");
    (socket.local_addr().expect("an address"), socket)
}

/// The server's end of a connection.
struct Peer(BufReader<TcpStream>);

impl Peer {
    /// The head of the next request; empty if there is none.
    async fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head).await.unwrap_or(0) == 0 {
                break;
            }
        }
        head
    }

    async fn read(&mut self, count: usize) -> String {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).await.expect("more bytes");
        String::from_utf8(bytes).expect("text")
    }

    async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("a reader");
        self.0.flush().await.expect("a reader");
    }

    /// Waits until the client has closed.
    async fn closed(&mut self) {
        let mut rest = Vec::new();
        let _ = self.0.read_to_end(&mut rest).await;
    }

    /// Ends the connection with a reset instead of a FIN.
    fn reset(self) {
        let socket = socket2::SockRef::from(self.0.get_ref());
        socket.set_linger(Some(Duration::ZERO)).expect("linger");
    }
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

fn post(body: impl Into<Body>) -> Request<Body> {
    Request::post("/").body(body.into()).expect("a request")
}

async fn send(origin: &Origin, request: Request<Body>) -> Result<Response<Body>, SendError> {
    origin.send(request, SendContext::default()).await
}

async fn text(response: Response<Body>) -> Result<String, BodyError> {
    let bytes = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(bytes.to_vec()).expect("text"))
}

/// Sends a GET and reads its answer whole.
async fn fetch(origin: &Origin) -> String {
    let response = send(origin, get("/")).await.expect("a response");
    text(response).await.expect("a whole body")
}

/// The fault that a GET ends in.
async fn fault(origin: &Origin) -> SendError {
    send(origin, get("/")).await.expect_err("a fault")
}
