//! Who waits how long. Time is paused: it moves on when nothing else does.

use tokio::time::{Instant, sleep};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_origin_that_never_answers_is_a_response_timeout() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.closed().await;
    })
    .await;
    let start = Instant::now();
    let error = fault(&server.origin()).await;
    assert_eq!(error, SendError::ResponseTimeout(15 * SECOND));
    assert!((15 * SECOND..16 * SECOND).contains(&start.elapsed()));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_in_must_be_complete_in_time() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.say("HTTP/1.1 200 OK\r\n").await;
        loop {
            sleep(SECOND).await;
            if peer.0.write_all(b"x-a: 1\r\n").await.is_err() {
                break;
            }
        }
    })
    .await;
    let origin = server.origin().first_byte_timeout(5 * SECOND);
    assert_eq!(fault(&origin).await, SendError::ResponseTimeout(5 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn the_first_byte_timeout_stands_still_while_the_guest_writes() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.read("3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n".len()).await;
        sleep(4 * SECOND).await;
        peer.say(OK).await;
    })
    .await;
    let origin = server.origin().first_byte_timeout(5 * SECOND);
    let (mut writer, body) = crate::http::channel(Body::empty());
    let answer = tokio::spawn(async move { send(&origin, post(body)).await.map(|_| ()) });
    for word in ["one", "two"] {
        sleep(60 * SECOND).await;
        writer.write(word.as_bytes()).await.expect("wanted");
    }
    sleep(60 * SECOND).await;
    writer.finish();
    answer.await.expect("task").expect("a response");
}

#[tokio::test(start_paused = true)]
async fn the_first_byte_timeout_starts_when_the_body_was_sent() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.closed().await;
    })
    .await;
    let origin = server.origin().first_byte_timeout(5 * SECOND);
    let (writer, body) = crate::http::channel(Body::empty());
    let start = Instant::now();
    let answer = tokio::spawn(async move { send(&origin, post(body)).await });
    sleep(60 * SECOND).await;
    writer.finish();
    let error = answer.await.expect("task").err();
    assert_eq!(error, Some(SendError::ResponseTimeout(5 * SECOND)));
    assert!((65 * SECOND..66 * SECOND).contains(&start.elapsed()));
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_stops_reading_is_a_response_timeout() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        std::future::pending::<()>().await;
    })
    .await;
    let origin = server.origin().first_byte_timeout(5 * SECOND);
    // More than the sockets hold.
    let body = vec![b'x'; 64 * 1024 * 1024];
    let error = send(&origin, post(body)).await.err();
    assert_eq!(error, Some(SendError::ResponseTimeout(5 * SECOND)));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_pauses_too_long_is_a_timeout_and_closes_its_connection() {
    let (closed, mut closures) = tokio::sync::mpsc::unbounded_channel();
    let server = Scripted::start(move |mut peer, _| {
        let closed = closed.clone();
        async move {
            peer.head().await;
            peer.say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
                .await;
            peer.closed().await;
            let _ = closed.send(());
        }
    })
    .await;
    let response = send(&server.origin(), get("/")).await.expect("a head");
    let start = Instant::now();
    assert_eq!(text(response).await, Err(BodyError::Timeout));
    assert!((10 * SECOND..11 * SECOND).contains(&start.elapsed()));
    assert_eq!(closures.recv().await, Some(()));
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_fine_as_long_as_it_moves() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.say("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
            .await;
        for letter in ["s", "l", "o", "w", "!"] {
            sleep(9 * SECOND).await;
            peer.say(letter).await;
        }
    })
    .await;
    assert_eq!(fetch(&server.origin()).await, "slow!");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_not_the_origins_fault() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.say(OK).await;
    })
    .await;
    let response = send(&server.origin(), get("/")).await.expect("a response");
    sleep(600 * SECOND).await;
    assert_eq!(text(response).await.as_deref(), Ok("ok"));
}

#[tokio::test(start_paused = true)]
async fn timeouts_of_zero_and_of_for_ever_do_not_elapse() {
    for timeout in [Duration::ZERO, Duration::MAX] {
        let server = Scripted::start(|mut peer, _| async move {
            peer.head().await;
            sleep(3_600 * SECOND).await;
            peer.say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
                .await;
            sleep(3_600 * SECOND).await;
            peer.say("ok").await;
        })
        .await;
        let origin = server
            .origin()
            .connect_timeout(timeout)
            .first_byte_timeout(timeout)
            .between_bytes_timeout(timeout)
            .keepalive_time(timeout);
        assert_eq!(fetch(&origin).await, "ok");
    }
}
