//! How many connections there may be, and how often one is used.

use tokio::sync::{Mutex, oneshot};
use tokio::time::Instant;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Answers every request.
async fn answering() -> Scripted {
    Scripted::start(|mut peer, _| async move {
        while !peer.head().await.is_empty() {
            peer.say(OK).await;
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_request_beyond_the_limit_waits_as_long_as_connecting_may_take() {
    let server = answering().await;
    let origin = server
        .origin()
        .max_connections(2)
        .connect_timeout(3 * SECOND);
    // A response whose body is not read keeps its connection.
    let one = send(&origin, get("/")).await.expect("a response");
    let _two = send(&origin, get("/")).await.expect("a response");
    let start = Instant::now();
    assert_eq!(fault(&origin).await, SendError::ConnectionLimit);
    assert!((3 * SECOND..4 * SECOND).contains(&start.elapsed()));
    assert_eq!(text(one).await.as_deref(), Ok("ok"));
    assert_eq!(fetch(&origin).await, "ok");
    assert_eq!(server.accepted(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_request_gets_the_connection_that_is_given_back_or_closed() {
    let server = answering().await;
    let origin = Arc::new(
        server
            .origin()
            .max_connections(1)
            .connect_timeout(60 * SECOND),
    );
    for (read, connections) in [(true, 1), (false, 2)] {
        let first = send(&origin, get("/")).await.expect("a response");
        let other = Arc::clone(&origin);
        let waiting = tokio::spawn(async move { fetch(&other).await });
        tokio::time::sleep(SECOND).await;
        assert!(!waiting.is_finished());
        if read {
            assert_eq!(text(first).await.as_deref(), Ok("ok"));
        } else {
            drop(first);
        }
        assert_eq!(waiting.await.expect("task"), "ok");
        assert_eq!(server.accepted(), connections);
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_request_gets_the_connection_that_still_takes_a_request_body() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.say(OK).await;
        peer.read("4\r\nlate\r\n0\r\n\r\n".len()).await;
        peer.head().await;
        peer.say(OK).await;
    })
    .await;
    let origin = server
        .origin()
        .max_connections(1)
        .connect_timeout(60 * SECOND);
    let origin = Arc::new(origin);
    let (mut writer, body) = crate::http::channel(Body::empty());
    let early = send(&origin, post(body)).await.expect("an early response");
    assert_eq!(text(early).await.as_deref(), Ok("ok"));
    let other = Arc::clone(&origin);
    let waiting = tokio::spawn(async move { fetch(&other).await });
    tokio::time::sleep(SECOND).await;
    assert!(!waiting.is_finished());
    writer.write(b"late").await.expect("still wanted");
    writer.finish();
    assert_eq!(waiting.await.expect("answered in time"), "ok");
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_failed_connection_takes_nobodys_place() {
    let (address, _closed) = closed_port();
    let origin = Origin::new(&format!("http://{address}")).expect("a URL");
    let origin = origin.max_connections(1);
    for _ in 0..3 {
        assert_eq!(fault(&origin).await, SendError::Refused(address));
    }
}

#[tokio::test]
async fn a_connection_is_used_so_many_times() {
    for (most, connections) in [(1, 6), (2, 3), (0, 1)] {
        let server = answering().await;
        let origin = server.origin().max_use(most);
        for _ in 0..6 {
            assert_eq!(fetch(&origin).await, "ok");
        }
        assert_eq!(server.accepted(), connections, "at most {most} uses");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_used_until_it_is_so_old() {
    let server = answering().await;
    let origin = server.origin().max_lifetime(10 * SECOND);
    for (wait, connections) in [(0, 1), (9, 1), (1, 2), (9, 2)] {
        tokio::time::sleep(wait * SECOND).await;
        assert_eq!(fetch(&origin).await, "ok");
        assert_eq!(server.accepted(), connections, "after {wait} s more");
    }
}

#[tokio::test]
async fn without_pooling_each_request_has_its_connection() {
    let server = answering().await;
    let origin = server.origin().pooling(false);
    for _ in 0..3 {
        assert_eq!(fetch(&origin).await, "ok");
    }
    assert_eq!(server.accepted(), 3);
    let server = Scripted::start(|mut peer, _| async move {
        peer.http2(&[]).await;
        while let Some(stream) = peer.next_request().await {
            peer.answer(stream).await;
        }
    })
    .await;
    let origin = server.origin().grpc(true).pooling(false);
    for _ in 0..3 {
        assert_eq!(fetch(&origin).await, "ok");
    }
    assert_eq!(server.accepted(), 3);
}

#[tokio::test]
async fn an_upgrade_makes_room_for_itself() {
    let (done, is_done) = oneshot::channel::<()>();
    let is_done = Arc::new(Mutex::new(Some(is_done)));
    let server = Scripted::start(move |mut peer, number| {
        let is_done = Arc::clone(&is_done);
        async move {
            if number == 0 {
                peer.head().await;
                peer.say(OK).await;
                return peer.closed().await;
            }
            peer.head().await;
            peer.say("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n")
                .await;
            let is_done = is_done.lock().await.take().expect("one upgrade");
            let _ = is_done.await;
        }
    })
    .await;
    let origin = server.origin().max_connections(1);
    assert_eq!(fetch(&origin).await, "ok");
    let response = origin.send(get("/"), SendContext { upgrade: true }).await;
    let upgraded = response.expect("upgraded");
    assert_eq!(upgraded.status(), 101);
    let fault = fault(&origin).await;
    assert_eq!(fault, SendError::ConnectionLimit, "it is still there");
    drop((upgraded, done));
}
