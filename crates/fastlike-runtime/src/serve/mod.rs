//! A listener for the [`Current`] service: HTTP/1.1 and HTTP/2, over TCP or TLS.

mod certificates;
mod connection;
mod http2;
mod options;
mod proxy_protocol;
mod tls;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use crate::current::Current;
use crate::error::ServeError;
use crate::session::detach;

pub use options::ServeOptions;
pub use tls::{TlsError, TlsListener};

/// How long accepting rests after a failure such as "too many open files".
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Keeps a draining server from ending: held by each connection, and by the
/// guests that answer on it, which may go on when the connection has ended.
///
/// One for each connection, so that its requests count on a word of their own.
#[derive(Debug, Clone)]
pub(crate) struct Alive {
    _gone_with_the_last: Arc<mpsc::Sender<Infallible>>,
}

impl Alive {
    fn new(server: &mpsc::Sender<Infallible>) -> Self {
        Self {
            _gone_with_the_last: Arc::new(server.clone()),
        }
    }
}

/// What connections need of their server.
struct Server {
    current: Current,
    options: ServeOptions,
}

/// Serves until `shutdown`, then lets running requests end within the limits.
pub(crate) async fn serve(
    current: Current,
    listener: TcpListener,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let server = Arc::new(Server { current, options });
    let (draining, drain) = watch::channel(false);
    let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
    let mut shutdown = pin!(shutdown);
    let watching = server.options.tls.as_ref().map(TlsListener::watch);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (server, alive) = (Arc::clone(&server), Alive::new(&alive));
                detach(connection::run(server, stream, peer, alive, drain.clone()));
            }
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
    drop(listener);
    drop(alive);
    drop(watching);
    // Sandboxes that wait for another request wait in vain.
    let last = server.current.get();
    let _idle = last.drain();
    draining.send_replace(true);
    let end = Instant::now() + last.limits().drain;
    if timeout_at(end, all_gone.recv()).await.is_err() {
        tracing::warn!("some requests did not end in time and are cut off");
    }
    if timeout_at(end, last.flush_logs()).await.is_err() {
        tracing::warn!("some lines of log endpoints were not delivered in time");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;
    use crate::{Fastlike, Guest, limits};

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
