//! The listener and its connections.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::limits;
use crate::routes::Desk;

/// How long accepting rests after a failure such as "too many open files".
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// How long requests have to end after `shutdown`.
const DRAIN: Duration = Duration::from_secs(2);

/// Serves until `shutdown`, then lets what is under way end.
pub(crate) async fn serve(
    desk: Arc<Desk>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let (ending, end) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = async {
            // Further clients wait in the system's queue.
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            Some(_) = connections.join_next() => continue,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, _)) => {
                drop(stream.set_nodelay(true));
                let connection = connection(Arc::clone(&desk), stream, end.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("an admin connection could not be accepted: {error}");
                sleep(ACCEPT_REST).await;
            }
        }
    }
    drop(listener);
    ending.send_replace(true);
    let all_gone = async { while connections.join_next().await.is_some() {} };
    // Those that are left are cut off as the set is dropped.
    let _ = timeout(DRAIN, all_gone).await;
}

/// One connection, to its end or to its greatest age.
async fn connection<S>(desk: Arc<Desk>, stream: S, mut end: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(desk.answer(request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIME)
        .max_headers(limits::HEADERS)
        .max_buf_size(limits::HEAD);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => {
            if let Err(error) = ended {
                tracing::debug!("an admin connection ended: {error}");
            }
            return;
        }
        _ = end.wait_for(|ending| *ending) => {}
        () = sleep(limits::CONNECTION_AGE) => {}
    }
    connection.as_mut().graceful_shutdown();
    // A client that takes nothing does not keep it for ever.
    let _ = timeout(limits::CONNECTION_AGE, connection).await;
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::net::TcpStream;
    use tokio::time::Instant;

    use super::*;
    use crate::tests::{TOKEN, desk};

    const ASK: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

    /// A client's side of a connection, from when on time passes only where
    /// somebody waits for it.
    async fn client() -> DuplexStream {
        let desk = Arc::new(desk().await);
        tokio::time::pause();
        let (client, server) = duplex(64 * 1024);
        tokio::spawn(async move {
            let (_ending, end) = watch::channel(false);
            connection(desk, server, end).await;
        });
        client
    }

    /// Reads one answer to [`ASK`]; false if the connection was closed.
    async fn is_answered<S: AsyncRead + Unpin>(client: &mut S) -> bool {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok\n") {
            let Ok(byte) = client.read_u8().await else {
                return false;
            };
            answer.push(byte);
        }
        true
    }

    #[tokio::test]
    async fn a_silent_client_is_left_alone_for_a_while_and_then_closed() {
        let mut client = client().await;
        let begun = Instant::now();
        client.write_all(ASK).await.expect("taken");
        assert!(is_answered(&mut client).await);
        sleep(limits::HEAD_TIME - Duration::from_secs(1)).await;
        client.write_all(ASK).await.expect("taken");
        assert!(is_answered(&mut client).await);
        let since = Instant::now();
        assert!(!is_answered(&mut client).await);
        let waited = since.elapsed();
        let late = limits::HEAD_TIME + Duration::from_secs(1);
        assert!((limits::HEAD_TIME..late).contains(&waited), "{waited:?}");
        assert!(begun.elapsed() < limits::CONNECTION_AGE);
    }

    #[tokio::test]
    async fn a_body_that_pauses_ends_the_request() {
        let mut client = client().await;
        let head = format!(
            "POST /resources/stores/kv HTTP/1.1\r\nhost: localhost\r\nfastly-key: {TOKEN}\r\n\
             content-length: 20\r\n\r\n{{"
        );
        client.write_all(head.as_bytes()).await.expect("taken");
        sleep(limits::BODY_PAUSE - Duration::from_secs(1)).await;
        client.write_all(b"\"").await.expect("taken");
        let since = Instant::now();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(
            answer.contains("the client paused for too long"),
            "{answer}"
        );
        assert!(since.elapsed() >= limits::BODY_PAUSE);
    }

    #[tokio::test]
    async fn a_connection_gets_so_old_and_not_older() {
        let mut client = client().await;
        let begun = Instant::now();
        let pause = Duration::from_secs(20);
        loop {
            if client.write_all(ASK).await.is_err() || !is_answered(&mut client).await {
                break;
            }
            sleep(pause).await;
        }
        let age = begun.elapsed();
        let late = limits::CONNECTION_AGE + 2 * pause;
        assert!((limits::CONNECTION_AGE..late).contains(&age), "{age:?}");
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_wait_for_their_turn() {
        let desk = Arc::new(desk().await);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(serve(desk, listener, std::future::pending()));
        let mut all = Vec::new();
        for _ in 0..limits::CONNECTIONS {
            let mut client = TcpStream::connect(address).await.expect("connected");
            client.write_all(ASK).await.expect("sent");
            assert!(is_answered(&mut client).await);
            all.push(client);
        }
        let mut waiting = TcpStream::connect(address).await.expect("in the queue");
        waiting.write_all(ASK).await.expect("sent");
        for client in &mut all {
            client.write_all(ASK).await.expect("sent");
            assert!(is_answered(client).await);
        }
        let early = waiting.try_read(&mut [0]).expect_err("nobody answers yet");
        assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock);
        all.pop();
        assert!(is_answered(&mut waiting).await);
    }
}
