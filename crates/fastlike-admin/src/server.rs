//! The listener and its connections.

mod moving;
mod seats;

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::moving::Moved;
use self::seats::{Answering, Seat, Seats};
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
    let seats = Seats::new(limits::CONNECTIONS);
    let (ending, end) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = async {
            let (stream, _) = listener.accept().await?;
            // While all are safe, further clients wait in the system's queue.
            Ok::<_, std::io::Error>((stream, seats.take().await))
        };
        let accepted = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, seat)) => {
                drop(stream.set_nodelay(true));
                let seat = Arc::new(seat);
                connections.spawn(connection(Arc::clone(&desk), stream, seat, end.clone()));
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

/// One connection, to its end, to its greatest age or until its place is lost.
async fn connection<S>(desk: Arc<Desk>, stream: S, seat: Arc<Seat>, mut end: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request: Request<Incoming>| {
        let (desk, seat) = (Arc::clone(&desk), Arc::clone(&seat));
        async move { Ok::<_, Infallible>(answer(&desk, &seat, request).await) }
    });
    let moved = Moved::default();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIME)
        .max_headers(limits::HEADERS)
        .max_buf_size(limits::HEAD);
    let mut connection = pin!(http.serve_connection(TokioIo::new(moved.on(stream)), service));
    tokio::select! {
        () = seat.lost() => return,
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
    tokio::select! {
        _ = connection => {}
        () = seat.lost() => {}
        () = moved.stalled() => {}
    }
}

async fn answer(desk: &Desk, seat: &Seat, request: Request<Incoming>) -> Response<Answering> {
    let with_token = desk.guard.token(request.headers()).is_ok();
    let Some(asking) = seat.ask(with_token) else {
        // The connection is about to be closed, as if nobody had read this.
        return pending().await;
    };
    desk.answer(request).await.map(|body| Answering {
        body,
        _asking: asking,
    })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use fastlike_runtime::{KvInsert, KvStore};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::net::TcpStream;
    use tokio::time::Instant;

    use super::*;
    use crate::tests::{TOKEN, desk};

    const ASK: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

    /// A client's side of a connection, from when on time passes only where
    /// somebody waits for it.
    async fn client() -> DuplexStream {
        client_of(desk().await)
    }

    /// The same, with the KV store `s`.
    async fn client_of_a_store() -> (DuplexStream, KvStore) {
        let desk = desk().await;
        let store = desk.current.get().state().kv_stores().create("s");
        (client_of(desk), store.expect("a store"))
    }

    fn client_of(desk: Desk) -> DuplexStream {
        let desk = Arc::new(desk);
        tokio::time::pause();
        let (client, server) = duplex(64 * 1024);
        tokio::spawn(async move {
            let (_ending, end) = watch::channel(false);
            let seat = Arc::new(Seats::new(1).take().await);
            connection(desk, server, seat, end).await;
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

    fn put(length: usize) -> String {
        format!(
            "PUT /resources/stores/kv/s/keys/k HTTP/1.1\r\nhost: localhost\r\n\
             fastly-key: {TOKEN}\r\ncontent-length: {length}\r\n\r\n"
        )
    }

    #[tokio::test]
    async fn what_is_under_way_and_moves_ends_however_old_the_connection_is() {
        let (mut client, _) = client_of_a_store().await;
        let begun = Instant::now();
        let length = 40;
        client
            .write_all(put(length).as_bytes())
            .await
            .expect("taken");
        for _ in 0..length {
            sleep(limits::BODY_PAUSE - Duration::from_secs(1)).await;
            client.write_all(b"x").await.expect("taken");
        }
        assert!(begun.elapsed() > 3 * limits::CONNECTION_AGE);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    #[tokio::test]
    async fn an_old_connection_whose_client_reads_nothing_ends() {
        let (mut client, store) = client_of_a_store().await;
        let length = 1 << 20;
        let stored = store.insert("k", vec![b'x'; length], KvInsert::default());
        stored.await.expect("room");
        let get = put(0).replacen("PUT", "GET", 1);
        client.write_all(get.as_bytes()).await.expect("taken");
        let most = limits::CONNECTION_AGE + 2 * limits::STALL;
        sleep(most + Duration::from_secs(1)).await;
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.expect("a part");
        assert!(answer.starts_with(b"HTTP/1.1 200 ") && answer.len() < length);
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

    /// A client over the network, of a listener that serves.
    async fn connected(address: SocketAddr) -> TcpStream {
        TcpStream::connect(address).await.expect("connected")
    }

    async fn served() -> SocketAddr {
        let desk = Arc::new(desk().await);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(serve(desk, listener, pending()));
        address
    }

    #[tokio::test]
    async fn clients_that_are_silent_keep_nobody_out() {
        let address = served().await;
        let begun = Instant::now();
        let mut silent = Vec::new();
        for _ in 0..3 * limits::CONNECTIONS {
            silent.push(connected(address).await);
        }
        for _ in 0..3 {
            let mut client = connected(address).await;
            client.write_all(ASK).await.expect("sent");
            assert!(is_answered(&mut client).await);
        }
        assert!(begun.elapsed() < limits::HEAD_TIME);
    }

    #[tokio::test]
    async fn a_connection_beyond_the_limit_closes_no_request_with_the_token() {
        let address = served().await;
        let store = "{\"name\":\"s\"}";
        let mut all = Vec::new();
        for _ in 0..limits::CONNECTIONS {
            let mut client = connected(address).await;
            let head = format!(
                "POST /resources/stores/secret HTTP/1.1\r\nhost: localhost\r\n\
                 fastly-key: {TOKEN}\r\nconnection: close\r\nexpect: 100-continue\r\n\
                 content-length: {}\r\n\r\n",
                store.len()
            );
            client.write_all(head.as_bytes()).await.expect("sent");
            // Said when the body is asked for.
            let mut go_on = [0; 25];
            client.read_exact(&mut go_on).await.expect("a head");
            assert!(go_on.starts_with(b"HTTP/1.1 100 "));
            all.push(client);
        }
        let mut waiting = connected(address).await;
        waiting.write_all(ASK).await.expect("sent");
        let mut statuses = Vec::new();
        for mut client in all {
            if statuses.is_empty() {
                let early = waiting.try_read(&mut [0]).expect_err("nobody answers yet");
                assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock);
            }
            client.write_all(store.as_bytes()).await.expect("sent");
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.expect("an answer");
            statuses.push(answer.get(9..12).expect("a status").to_owned());
        }
        assert!(is_answered(&mut waiting).await);
        let made = statuses.iter().filter(|status| *status == "201").count();
        let there = statuses.iter().filter(|status| *status == "409").count();
        assert_eq!((made, there), (1, limits::CONNECTIONS - 1));
    }
}
