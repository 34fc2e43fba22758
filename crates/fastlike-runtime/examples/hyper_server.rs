//! Embeds a Compute program in a hyper server of one's own.
//!
//! ```sh
//! cargo run --example hyper_server -- app.wasm
//! ```

use fastlike_runtime::{ConnInfo, Fastlike, backend_fn};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let guest = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "app.wasm".to_owned());
    let fastlike = Fastlike::builder(guest.as_str())
        // An origin in this process: any async function of a request.
        .backend(
            "origin",
            backend_fn(|request| async move {
                http::Response::new(format!("you asked for {}\n", request.uri().path()))
            }),
        )
        .build()
        .await?;
    fastlike.warm_up(8).await;

    let listener = TcpListener::bind("127.0.0.1:7676").await?;
    loop {
        let (stream, peer) = listener.accept().await?;
        let conn = ConnInfo::new(peer, stream.local_addr().ok());
        let fastlike = fastlike.clone();
        let service = service_fn(move |request| {
            let (fastlike, conn) = (fastlike.clone(), conn.clone());
            async move { Ok::<_, std::convert::Infallible>(fastlike.handle(request, &conn).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
