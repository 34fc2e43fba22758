//! A listener for a [`Fastlike`]: HTTP/1.1 over TCP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use crate::error::ServeError;
use crate::fastlike::{ConnInfo, Fastlike};
use crate::http::idle_timeout;
use crate::limits;
use crate::session::detach;
use crate::wire::WireStream;

/// How long accepting rests after a failure such as "too many open files".
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Serves until `shutdown`, then lets running requests end within the limits.
pub(crate) async fn serve(
    fastlike: Fastlike,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let (draining, drain) = watch::channel(false);
    let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = connection(fastlike.clone(), stream, peer, drain.clone());
                let alive = alive.clone();
                detach(async move {
                    connection.await;
                    drop(alive);
                });
            }
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
    drop(listener);
    drop(alive);
    draining.send_replace(true);
    if tokio::time::timeout(fastlike.limits().drain, all_gone.recv())
        .await
        .is_err()
    {
        tracing::warn!("some requests did not end in time and are cut off");
    }
    Ok(())
}

async fn connection(
    fastlike: Fastlike,
    stream: TcpStream,
    peer: SocketAddr,
    mut drain: watch::Receiver<bool>,
) {
    drop(stream.set_nodelay(true));
    let idle = fastlike.limits().client_idle_timeout;
    let limit = fastlike.limits().drain;
    let info = ConnInfo::new(peer, stream.local_addr().ok());
    let (stream, wire) = WireStream::new(stream, idle);
    let info = Arc::new(info.with_wire(wire));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(fastlike.limits().header_read_timeout)
        .max_headers(limits::CLIENT_HEADERS)
        .max_buf_size(limits::CLIENT_HEAD);
    let service = service_fn(move |request: Request<Incoming>| {
        let (fastlike, info) = (fastlike.clone(), Arc::clone(&info));
        async move {
            let request = request.map(|body| idle_timeout(body, idle));
            Ok::<_, Infallible>(fastlike.answer(request, &info).await)
        }
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let told_to_drain = async {
        drop(drain.wait_for(|draining| *draining).await);
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = told_to_drain => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(limit, connection).await {
                Ok(ended) => ended,
                // Dropping the connection ends its guest, too.
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, "connection ended: {error}");
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::Guest;

    /// Answers everything with an empty 200.
    const SILENT: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

    async fn status_of(head: String) -> String {
        let guest = Guest::bytes("silent", SILENT);
        let fastlike = Fastlike::builder(guest).build().await.expect("a guest");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        detach(async move { fastlike.serve(listener, std::future::pending()).await });
        let mut client = TcpStream::connect(address).await.expect("a connection");
        client.write_all(head.as_bytes()).await.expect("sent");
        let mut answer = [0; 12];
        client.read_exact(&mut answer).await.expect("a status");
        String::from_utf8_lossy(&answer[9..]).into_owned()
    }

    #[tokio::test]
    async fn a_client_sends_headers_up_to_the_limit_and_not_one_more() {
        for (count, status) in [
            (limits::CLIENT_HEADERS, "200"),
            (limits::CLIENT_HEADERS + 1, "431"),
        ] {
            let lines = "x: y\r\n".repeat(count - 1);
            let head = format!("GET / HTTP/1.1\r\nhost: a\r\n{lines}\r\n");
            assert_eq!(status_of(head).await, status, "{count} headers");
        }
    }

    #[tokio::test]
    async fn a_head_well_past_the_limit_is_refused() {
        // hyper looks at the limit when it reads again, so some more may pass.
        let head = format!(
            "GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
            "y".repeat(limits::CLIENT_HEAD * 2)
        );
        assert_eq!(status_of(head).await, "431");
    }
}
