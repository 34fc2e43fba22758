//! Origins.

use fastlike_runtime::{Backend, Body, backend_fn};
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// An origin in this process that answers at once.
pub(crate) fn answering<B: Into<Body> + 'static>(
    answer: impl Fn(Request<Body>) -> Response<B> + Send + Sync + 'static,
) -> impl Backend {
    backend_fn(move |request| {
        let response = answer(request).map(Into::into);
        async move { response }
    })
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
