//! Which connection a request goes out on.

use std::io::{Read, Write};

use tokio::sync::{Notify, mpsc};

use super::*;

/// A server that answers whatever it gets, and tells when the client closes.
async fn lasting() -> (Scripted, mpsc::UnboundedReceiver<usize>) {
    let (closed, closures) = mpsc::unbounded_channel();
    let server = Scripted::start(move |mut peer, number| {
        let closed = closed.clone();
        async move {
            while !peer.head().await.is_empty() {
                peer.say(OK).await;
            }
            let _ = closed.send(number);
        }
    })
    .await;
    (server, closures)
}

#[tokio::test]
async fn requests_one_after_another_share_a_connection() {
    let (server, _closures) = lasting().await;
    let origin = server.origin();
    for _ in 0..10 {
        assert_eq!(fetch(&origin).await, "ok");
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_at_once_need_no_more_connections_than_that() {
    let (server, _closures) = lasting().await;
    let origin = Arc::new(server.origin());
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let origin = Arc::clone(&origin);
            tokio::spawn(async move {
                for _ in 0..50 {
                    assert_eq!(fetch(&origin).await, "ok");
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("all were answered");
    }
    // A connection that was given back a moment ago may not be ready yet.
    assert!(server.accepted() <= 32, "{} connections", server.accepted());
}

#[tokio::test]
async fn a_body_that_is_read_to_its_known_length_gives_its_connection_back() {
    let (server, _closures) = lasting().await;
    let origin = server.origin();
    for _ in 0..2 {
        let mut body = send(&origin, get("/"))
            .await
            .expect("a response")
            .into_body();
        let frame = body.frame().await.expect("data").expect("no fault");
        assert_eq!(frame.into_data().ok().as_deref(), Some(&b"ok"[..]));
        // Nobody asks whether there is more.
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_body_that_is_dropped_early_closes_its_connection() {
    let (closed, mut closures) = mpsc::unbounded_channel();
    let server = Scripted::start(move |mut peer, number| {
        let closed = closed.clone();
        async move {
            peer.head().await;
            peer.say("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nbegin")
                .await;
            peer.closed().await;
            let _ = closed.send(number);
        }
    })
    .await;
    let origin = server.origin();
    for number in 0..2 {
        let response = send(&origin, get("/")).await.expect("a response");
        drop(response);
        assert_eq!(closures.recv().await, Some(number));
    }
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_request_that_is_cancelled_closes_its_connection() {
    let (closed, mut closures) = mpsc::unbounded_channel();
    let arrived = Arc::new(Notify::new());
    let notify = Arc::clone(&arrived);
    let server = Scripted::start(move |mut peer, number| {
        let (closed, arrived) = (closed.clone(), Arc::clone(&notify));
        async move {
            peer.head().await;
            arrived.notify_one();
            peer.closed().await;
            let _ = closed.send(number);
        }
    })
    .await;
    let origin = server.origin();
    tokio::select! {
        answer = send(&origin, get("/")) => panic!("nobody answered: {answer:?}"),
        () = arrived.notified() => {}
    }
    assert_eq!(closures.recv().await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_its_time_without_a_further_request() {
    let (server, mut closures) = lasting().await;
    let origin = server.origin().keepalive_time(Duration::from_secs(7));
    let start = tokio::time::Instant::now();
    assert_eq!(fetch(&origin).await, "ok");
    assert_eq!(closures.recv().await, Some(0));
    assert!(start.elapsed() >= Duration::from_secs(7));
    assert!(start.elapsed() < Duration::from_secs(8));
    assert_eq!(fetch(&origin).await, "ok");
    assert_eq!(closures.recv().await, Some(1), "the second one as well");
}

#[tokio::test]
async fn nothing_is_kept_if_nothing_shall_be_kept() {
    let (server, mut closures) = lasting().await;
    let origin = server.origin().keepalive_time(Duration::ZERO);
    for number in 0..3 {
        assert_eq!(fetch(&origin).await, "ok");
        assert_eq!(closures.recv().await, Some(number));
    }
}

#[tokio::test]
async fn idle_connections_are_closed_with_the_origin() {
    let (server, mut closures) = lasting().await;
    let origin = server.origin();
    assert_eq!(fetch(&origin).await, "ok");
    drop(origin);
    assert_eq!(closures.recv().await, Some(0));
}

#[tokio::test]
async fn a_connection_that_died_idle_is_replaced() {
    let closed = Arc::new(Notify::new());
    let notify = Arc::clone(&closed);
    let server = Scripted::start(move |mut peer, _| {
        let closed = Arc::clone(&notify);
        async move {
            peer.head().await;
            peer.say(OK).await;
            drop(peer);
            closed.notify_one();
        }
    })
    .await;
    let origin = server.origin();
    for number in 1..4 {
        assert_eq!(fetch(&origin).await, "ok");
        closed.notified().await;
        assert_eq!(server.accepted(), number);
    }
}

/// Reads up to `end` and answers.
fn answer(stream: &mut std::net::TcpStream, end: &str) {
    let mut seen = Vec::new();
    while !seen.ends_with(end.as_bytes()) {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("more bytes");
        seen.extend(byte);
    }
    stream.write_all(OK.as_bytes()).expect("a reader");
}

/// The request is handed over when the end of the connection has arrived, but
/// was not looked at: the order that a busy process sees now and then. The
/// thread of this test's runtime stands still while the server closes; then
/// one turn of its event loop wakes the connection and the test, which goes
/// first because it is what the runtime runs for.
#[tokio::test]
async fn a_streaming_body_is_not_lost_on_a_connection_that_died_idle() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (close, closing) = std::sync::mpsc::channel::<()>();
    let (closed, is_closed) = std::sync::mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        let accept = || listener.accept().expect("a connection").0;
        let (signal, mut first) = (accept(), accept());
        answer(&mut first, "\r\n\r\n");
        closing.recv().expect("the test goes on");
        drop((first, signal));
        closed.send(()).expect("the test goes on");
        answer(&mut accept(), "4\r\nbody\r\n0\r\n\r\n");
    });
    let signal = TcpStream::connect(address).await.expect("a listener");
    let origin = Origin::new(&format!("http://{address}")).expect("a valid URL");
    assert_eq!(fetch(&origin).await, "ok");

    let (mut writer, body) = crate::http::channel(Body::empty());
    writer.write(b"body").await.expect("room");
    writer.finish();
    close.send(()).expect("the server waits");
    is_closed.recv().expect("the server closes");
    signal.readable().await.expect("an event");
    let response = send(&origin, post(body)).await.expect("a response");
    assert_eq!(text(response).await.as_deref(), Ok("ok"));
    server.join().expect("the server saw it all");
}

/// A server whose first connection takes a second request and closes.
async fn swallows_the_second() -> Scripted {
    Scripted::start(move |mut peer, number| async move {
        peer.head().await;
        peer.say(OK).await;
        peer.head().await;
        if number > 0 {
            peer.say(OK).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_get_that_met_a_closing_connection_is_sent_once_more() {
    let server = swallows_the_second().await;
    let origin = server.origin();
    assert_eq!(fetch(&origin).await, "ok");
    assert_eq!(fetch(&origin).await, "ok");
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_post_that_may_have_arrived_is_not_sent_once_more() {
    let server = swallows_the_second().await;
    let origin = server.origin();
    assert_eq!(fetch(&origin).await, "ok");
    let error = send(&origin, post("once")).await.err();
    assert_eq!(error, Some(SendError::Terminated));
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_connection_that_still_takes_a_request_body_is_used_only_afterwards() {
    let taken = Arc::new(Notify::new());
    let notify = Arc::clone(&taken);
    let server = Scripted::start(move |mut peer, _| {
        let taken = Arc::clone(&notify);
        async move {
            loop {
                let head = peer.head().await;
                if head.is_empty() {
                    break;
                }
                peer.say(OK).await;
                if head.contains("chunked") {
                    assert_eq!(peer.read("4\r\nlate\r\n0\r\n\r\n".len()).await.len(), 14);
                    taken.notify_one();
                }
            }
        }
    })
    .await;
    let origin = server.origin();
    let (mut writer, body) = crate::http::channel(Body::empty());
    let early = send(&origin, post(body)).await.expect("an early response");
    assert_eq!(text(early).await.as_deref(), Ok("ok"));
    assert_eq!(fetch(&origin).await, "ok");
    assert_eq!(server.accepted(), 2);

    writer.write(b"late").await.expect("still wanted");
    writer.finish();
    taken.notified().await;
    let both = futures_util::future::join(fetch(&origin), fetch(&origin)).await;
    assert_eq!(both, ("ok".to_owned(), "ok".to_owned()));
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn idle_connections_are_bounded() {
    let limit = crate::limits::IDLE_CONNECTIONS;
    let (server, mut closures) = lasting().await;
    let origin = server.origin();
    let mut responses = Vec::new();
    for _ in 0..=limit {
        responses.push(send(&origin, get("/")).await.expect("a response"));
    }
    assert_eq!(server.accepted(), limit + 1);
    for response in responses {
        assert_eq!(text(response).await.as_deref(), Ok("ok"));
    }
    assert_eq!(closures.recv().await, Some(0), "the oldest one");
    assert!(closures.try_recv().is_err(), "and no other");
}

#[tokio::test]
async fn an_origin_serves_several_runtimes_one_after_another() {
    let (server, _closures) = lasting().await;
    let origin = Arc::new(server.origin());
    for _ in 0..2 {
        let origin = Arc::clone(&origin);
        let other = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(fetch(&origin))
        });
        let fetched = tokio::task::spawn_blocking(|| other.join()).await;
        assert_eq!(fetched.expect("task").expect("thread"), "ok");
    }
    assert_eq!(server.accepted(), 2);
}
