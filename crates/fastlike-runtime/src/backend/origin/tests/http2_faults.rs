//! What an HTTP/2 origin can do wrong, and what comes of it.

use super::frames::*;
use super::*;
use crate::limits;

const PROTOCOL_ERROR: u32 = 1;
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

/// An origin that does this with the first stream of each connection.
async fn origin<F, Fut>(script: F) -> (Scripted, Origin)
where
    F: Fn(Peer, u32, usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let script = Arc::new(script);
    let server = Scripted::start(move |mut peer, number| {
        let script = Arc::clone(&script);
        async move {
            peer.http2(&[]).await;
            if let Some(stream) = peer.next_request().await {
                script(peer, stream, number).await;
            }
        }
    })
    .await;
    let origin = server.origin().grpc(true);
    (server, origin)
}

fn http2(error: &SendError) -> (u8, u32) {
    match error {
        SendError::Http2 { frame, code, .. } => (*frame, *code),
        other => panic!("not HTTP/2: {other:?}"),
    }
}

#[tokio::test]
async fn a_reset_is_told_with_its_code() {
    let (_server, origin) = origin(|mut peer, stream, _| async move {
        peer.reset_stream(stream, ENHANCE_YOUR_CALM).await;
        peer.drained().await;
    })
    .await;
    assert_eq!(
        http2(&fault(&origin).await),
        (RST_STREAM, ENHANCE_YOUR_CALM)
    );
}

#[tokio::test]
async fn a_connection_that_is_ended_for_a_fault_is_told_with_its_code() {
    let (_server, origin) = origin(|mut peer, _, _| async move {
        peer.go_away(0, PROTOCOL_ERROR).await;
        peer.drained().await;
    })
    .await;
    assert_eq!(http2(&fault(&origin).await), (GOAWAY, PROTOCOL_ERROR));
}

#[tokio::test]
async fn a_refused_request_is_sent_again_but_not_for_ever() {
    let (server, origin) = origin(|mut peer, stream, _| async move {
        peer.reset_stream(stream, REFUSED_STREAM).await;
        if let Some(stream) = peer.next_request().await {
            peer.answer(stream).await;
        }
        while let Some(stream) = peer.next_request().await {
            peer.reset_stream(stream, REFUSED_STREAM).await;
        }
    })
    .await;
    // Nothing was done with it, so this is also for requests that change something.
    let response = send(&origin, post(Body::empty()))
        .await
        .expect("a response");
    assert_eq!(text(response).await.as_deref(), Ok("ok"));
    assert_eq!(http2(&fault(&origin).await), (RST_STREAM, REFUSED_STREAM));
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_connection_that_goes_away_has_its_requests_sent_elsewhere() {
    let (server, origin) = origin(|mut peer, stream, number| async move {
        if number == 0 {
            peer.go_away(0, 0).await;
        } else {
            peer.answer(stream).await;
        }
        peer.drained().await;
    })
    .await;
    assert_eq!(fetch(&origin).await, "ok");
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn what_a_connection_that_goes_away_still_answers_is_taken() {
    let (server, origin) = origin(|mut peer, stream, _| async move {
        peer.go_away(stream, 0).await;
        peer.answer(stream).await;
        peer.drained().await;
    })
    .await;
    assert_eq!(fetch(&origin).await, "ok");
    assert_eq!(fetch(&origin).await, "ok");
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn closing_without_an_answer_is_terminated() {
    let (_server, origin) = origin(|_, _, _| async {}).await;
    assert_eq!(fault(&origin).await, SendError::Terminated);
}

#[tokio::test]
async fn a_server_that_does_not_speak_http_2_is_an_http_2_fault() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.say("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        peer.closed().await;
    })
    .await;
    let error = fault(&server.origin().grpc(true)).await;
    assert_eq!(http2(&error).0, GOAWAY, "{error:?}");
}

#[tokio::test]
async fn a_head_without_a_status_is_an_http_2_fault() {
    let (_server, origin) = origin(|mut peer, stream, _| async move {
        peer.frame(HEADERS, END_HEADERS, stream, &field("x-a", "1"))
            .await;
        peer.drained().await;
    })
    .await;
    assert_eq!(http2(&fault(&origin).await).1, PROTOCOL_ERROR);
}

#[tokio::test]
async fn headers_are_taken_up_to_their_limit() {
    let limit = limits::ORIGIN_HEADERS;
    for (count, taken) in [(limit, true), (limit + 1, false)] {
        let (_server, origin) = origin(move |mut peer, stream, _| async move {
            let mut head = STATUS_200.to_vec();
            for _ in 0..count {
                head.extend(field("x", "y"));
            }
            peer.frame(HEADERS, END_HEADERS | END_STREAM, stream, &head)
                .await;
            peer.drained().await;
        })
        .await;
        let response = send(&origin, get("/")).await;
        match taken {
            true => assert_eq!(response.expect("fits").headers().len(), count),
            false => assert_eq!(response.err(), Some(SendError::HeadTooLarge)),
        }
    }
}

/// The head of a response with a header of this length, in several frames.
async fn long_head(peer: &mut Peer, stream: u32, length: usize) {
    let head = [STATUS_200, &field("x-a", &"x".repeat(length))].concat();
    let mut pieces = head.chunks(16 * 1024).peekable();
    let mut kind = HEADERS;
    while let Some(piece) = pieces.next() {
        let flags = if pieces.peek().is_some() {
            0
        } else {
            END_HEADERS
        };
        peer.frame(kind, flags, stream, piece).await;
        kind = CONTINUATION;
    }
    peer.frame(DATA, END_STREAM, stream, b"ok").await;
}

#[tokio::test]
async fn a_head_beyond_its_limit_is_too_large_and_the_connection_goes_on() {
    let limit = limits::ORIGIN_BUFFER;
    let (server, origin) = origin(move |mut peer, stream, _| async move {
        // The status and the header's name count, and 32 bytes for each.
        let most = limit - ":status200".len() - 32 - "x-a".len() - 32;
        long_head(&mut peer, stream, most).await;
        for (length, expected) in [(most + 1, 3), (most, 5)] {
            let stream = peer.next_request().await.expect("a request");
            assert_eq!(stream, expected);
            long_head(&mut peer, stream, length).await;
        }
        peer.drained().await;
    })
    .await;
    assert_eq!(fetch(&origin).await, "ok");
    assert_eq!(fault(&origin).await, SendError::HeadTooLarge);
    assert_eq!(fetch(&origin).await, "ok");
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_flood_of_continuations_ends_the_connection() {
    let (_server, origin) = origin(|mut peer, stream, _| async move {
        peer.frame(HEADERS, 0, stream, STATUS_200).await;
        let piece = field("x-flood", &"x".repeat(1_000));
        while peer.try_frame(CONTINUATION, 0, stream, &piece).await {}
    })
    .await;
    let error = fault(&origin).await;
    assert!(
        matches!(error, SendError::Http2 { frame: GOAWAY, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn floods_of_settings_and_pings_are_survived() {
    let (_server, origin) = origin(|peer, stream, _| async move {
        let (mut read, mut write) = tokio::io::split(peer.0.into_inner());
        // What is answered must be read, or both sides wait.
        tokio::spawn(async move {
            let _ = tokio::io::copy(&mut read, &mut tokio::io::sink()).await;
        });
        let ping = bytes_of(PING, 0, 0, b"flooding");
        let settings = bytes_of(SETTINGS, 0, 0, &[]);
        for _ in 0..10_000 {
            write.write_all(&ping).await.expect("a reader");
            write.write_all(&settings).await.expect("a reader");
        }
        let head = bytes_of(HEADERS, END_HEADERS | END_STREAM, stream, STATUS_200);
        write.write_all(&head).await.expect("a reader");
        std::future::pending::<()>().await;
    })
    .await;
    assert_eq!(fetch(&origin).await, "");
}

#[tokio::test]
async fn a_flood_that_nobody_reads_the_answers_of_holds_no_memory() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let (_server, origin) = origin(move |mut peer, _, _| {
        let count = Arc::clone(&count);
        async move {
            while peer.try_frame(PING, 0, 0, b"flooding").await {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    let origin = origin.first_byte_timeout(Duration::from_millis(500));
    let error = fault(&origin).await;
    assert!(matches!(error, SendError::ResponseTimeout(_)), "{error:?}");
    // What was taken fits into the buffers of the sockets: the client stopped
    // reading when its answers were not read.
    let taken = sent.load(Ordering::SeqCst) * 17;
    assert!(taken < 64 * 1024 * 1024, "{taken} bytes");
}

#[tokio::test]
async fn resets_of_streams_that_nobody_opened_end_the_connection() {
    let (_server, origin) = origin(|mut peer, _, _| async move {
        for stream in (101..).step_by(2) {
            if !peer.try_frame(RST_STREAM, 0, stream, &[0; 4]).await {
                break;
            }
        }
    })
    .await;
    let error = fault(&origin).await;
    assert!(matches!(error, SendError::Http2 { .. }), "{error:?}");
}

#[tokio::test]
async fn interim_responses_are_passed_over() {
    let (_server, origin) = origin(|mut peer, stream, _| async move {
        for _ in 0..1_000 {
            let hints = [0x08, 0x03, b'1', b'0', b'3'];
            peer.frame(HEADERS, END_HEADERS, stream, &hints).await;
        }
        peer.answer(stream).await;
        peer.drained().await;
    })
    .await;
    assert_eq!(fetch(&origin).await, "ok");
}

#[tokio::test]
async fn a_body_that_is_reset_or_cut_off_is_incomplete() {
    for reset in [true, false] {
        let (_server, origin) = origin(move |mut peer, stream, _| async move {
            peer.frame(HEADERS, END_HEADERS, stream, STATUS_200).await;
            peer.frame(DATA, 0, stream, b"half").await;
            if reset {
                peer.reset_stream(stream, ENHANCE_YOUR_CALM).await;
                peer.drained().await;
            }
        })
        .await;
        let response = send(&origin, get("/")).await.expect("a head");
        assert_eq!(text(response).await, Err(BodyError::Incomplete));
    }
}

#[tokio::test]
async fn a_body_of_another_length_than_it_says_is_refused() {
    let (_server, origin) = origin(|mut peer, stream, _| async move {
        let head = [STATUS_200, &field("content-length", "10")].concat();
        peer.frame(HEADERS, END_HEADERS, stream, &head).await;
        peer.frame(DATA, END_STREAM, stream, b"half").await;
        peer.drained().await;
    })
    .await;
    let response = send(&origin, get("/")).await.expect("a head");
    let body = text(response).await;
    assert!(matches!(body, Err(BodyError::Transport(_))), "{body:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_any_more_is_not_used_again() {
    let (server, origin) = origin(|mut peer, stream, number| async move {
        peer.answer(stream).await;
        if number == 0 {
            peer.drained().await;
        }
    })
    .await;
    assert_eq!(fetch(&origin).await, "ok");
    let error = fault(&origin).await;
    assert!(matches!(error, SendError::ResponseTimeout(_)), "{error:?}");
    assert_eq!(fetch(&origin).await, "ok");
    assert_eq!(server.accepted(), 2);
}
