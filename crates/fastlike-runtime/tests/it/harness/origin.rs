//! Origins.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fastlike_runtime::{
    Backend, BackendInfo, Body, BoxFuture, Origin, SendContext, SendError, backend_fn,
};
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::soon;

/// An origin in this process that answers at once.
pub(crate) fn answering<B: Into<Body>>(
    answer: impl Fn(Request<Body>) -> Response<B> + Send + Sync + 'static,
) -> impl Backend {
    backend_fn(move |request| {
        let response = answer(request).map(Into::into);
        async move { response }
    })
}

/// An origin that every request fails to reach.
pub(crate) fn failing(error: SendError) -> impl Backend {
    Failing(BackendInfo::new("origin.example", 80, false), error)
}

struct Failing(BackendInfo, SendError);

impl Backend for Failing {
    fn info(&self) -> &BackendInfo {
        &self.0
    }

    fn send(
        &self,
        _: Request<Body>,
        _: SendContext,
    ) -> BoxFuture<'static, Result<Response<Body>, SendError>> {
        let error = self.1.clone();
        Box::pin(async move { Err(error) })
    }
}

/// An origin in this process whose requests the test answers by hand.
#[derive(Clone)]
pub(crate) struct ByHand(Arc<Mutex<mpsc::UnboundedReceiver<Asked>>>);

/// A request that waits for its answer. Dropping it without one fails the
/// guest's send.
pub(crate) struct Asked {
    pub(crate) request: Request<Body>,
    answer: oneshot::Sender<Response<Body>>,
}

impl ByHand {
    /// The origin, and the backend that leads to it.
    pub(crate) fn new() -> (Self, impl Backend) {
        let (asking, asked) = mpsc::unbounded_channel();
        let backend = backend_fn(move |request| {
            let (answer, answered) = oneshot::channel();
            let sent = asking.send(Asked { request, answer });
            async move {
                sent.map_err(|_| "the test is over")?;
                answered.await.map_err(|_| "the test gave no answer")
            }
        });
        (Self(Arc::new(Mutex::new(asked))), backend)
    }

    /// The next request of the guest.
    pub(crate) async fn asked(&self) -> Asked {
        let mut asked = self.0.lock().await;
        let next = soon("a request of the guest", asked.recv()).await;
        next.expect("the backend is still there")
    }
}

impl Asked {
    /// Answers; true if somebody still waits for it.
    pub(crate) fn answer<B: Into<Body>>(self, response: Response<B>) -> bool {
        self.answer.send(response.map(Into::into)).is_ok()
    }

    /// Returns when nobody waits for the answer any more.
    pub(crate) async fn given_up(&mut self) {
        soon("the end of the request", self.answer.closed()).await;
    }
}

/// The origin at `url`, which a busy machine has time to connect to.
pub(crate) fn origin_at(url: &str) -> Origin {
    let origin = Origin::new(url).expect("a URL");
    origin.connect_timeout(Duration::from_secs(60))
}

/// An address where nobody listens, or can while the socket is there.
pub(crate) fn closed_port() -> (SocketAddr, TcpSocket) {
    let socket = TcpSocket::new_v4().expect("a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(any).expect("a port");
    (socket.local_addr().expect("an address"), socket)
}

/// An origin on a port of its own that answers each connection's first bytes
/// with `answer`, whatever that is, and closes. Gives its URL.
pub(crate) async fn raw_origin(answer: impl Into<Vec<u8>>) -> String {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 16 * 1024];
            if stream.read(&mut request).await.is_ok() {
                drop(stream.write_all(&answer).await);
            }
        }
    });
    url
}
