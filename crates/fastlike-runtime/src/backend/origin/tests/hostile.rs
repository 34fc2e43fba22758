//! Responses made to confuse whoever reads them.

use super::*;
use crate::limits;

/// A server that answers the first request of each connection with `bytes`
/// and waits for the client to close.
async fn saying(bytes: impl Into<String>) -> Scripted {
    let bytes: Arc<str> = bytes.into().into();
    Scripted::start(move |mut peer, _| {
        let bytes = Arc::clone(&bytes);
        async move {
            peer.head().await;
            // Who has heard enough may close.
            let _ = peer.0.write_all(bytes.as_bytes()).await;
            peer.closed().await;
        }
    })
    .await
}

async fn fault_of(bytes: impl Into<String>) -> SendError {
    fault(&saying(bytes).await.origin()).await
}

#[tokio::test]
async fn lengths_on_which_recipients_may_disagree_are_refused() {
    for head in [
        "content-length: 2\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 2\r\n",
        "content-length: 2\r\ncontent-length: 3\r\n",
        "content-length: 2, 3\r\n",
        "content-length: +2\r\n",
        "content-length: -2\r\n",
        "content-length: 0x2\r\n",
        "content-length: 18446744073709551616\r\n",
        "transfer-encoding: identity\r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: chunked, chunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding : chunked\r\n",
        "x-a: b\r\n transfer-encoding: chunked\r\n",
        "x-a: b\0c\r\ncontent-length: 2\r\n",
    ] {
        let error = fault_of(format!("HTTP/1.1 200 OK\r\n{head}\r\n2\r\nok\r\n0\r\n\r\n")).await;
        assert!(
            matches!(error, SendError::Protocol(_)),
            "{head:?}: {error:?}"
        );
    }
    let old = "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    assert!(matches!(fault_of(old).await, SendError::Protocol(_)));
}

#[tokio::test]
async fn the_same_length_twice_is_one_length() {
    let same = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok";
    assert_eq!(fetch(&saying(same).await.origin()).await, "ok");
}

#[tokio::test]
async fn ten_thousand_headers_and_endless_lines_are_too_large() {
    let head = "HTTP/1.1 200 OK\r\n";
    for bytes in [
        format!("{head}{}\r\n", "x: y\r\n".repeat(10_000)),
        format!("{head}x: {}", "y".repeat(4 * limits::ORIGIN_BUFFER)),
        format!("{head}{}", "x".repeat(4 * limits::ORIGIN_BUFFER)),
        format!("HTTP/1.1 200 {}", "y".repeat(4 * limits::ORIGIN_BUFFER)),
    ] {
        assert_eq!(fault_of(bytes).await, SendError::HeadTooLarge);
    }
}

#[tokio::test]
async fn interim_responses_are_taken_up_to_their_limit() {
    let interim = "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n";
    for (count, taken) in [
        (limits::ORIGIN_INTERIM, true),
        (limits::ORIGIN_INTERIM + 1, false),
    ] {
        let server = Scripted::start(move |mut peer, _| async move {
            while !peer.head().await.is_empty() {
                for _ in 0..count {
                    if peer.0.write_all(interim.as_bytes()).await.is_err() {
                        return;
                    }
                    // One by one, or in a few reads: it is all the same.
                    tokio::task::yield_now().await;
                }
                if !taken {
                    return peer.closed().await;
                }
                peer.say(OK).await;
            }
        })
        .await;
        let origin = server.origin();
        if taken {
            // The next request begins to count anew.
            assert_eq!(fetch(&origin).await, "ok");
            assert_eq!(fetch(&origin).await, "ok");
            assert_eq!(server.accepted(), 1);
        } else {
            let error = fault(&origin).await;
            assert!(
                matches!(&error, SendError::Protocol(why) if why.contains("interim")),
                "{error:?}"
            );
        }
    }
}

#[tokio::test]
async fn interim_responses_without_end_are_cut_off() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        while peer
            .0
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
            .await
            .is_ok()
        {}
    })
    .await;
    let error = fault(&server.origin()).await;
    assert!(matches!(error, SendError::Protocol(_)), "{error:?}");
}

#[tokio::test]
async fn chunk_sizes_that_overflow_are_a_fault() {
    for size in [
        "10000000000000000",
        "ffffffffffffffffff",
        "-1",
        "0x2",
        " 2",
        "",
        "2;\n",
    ] {
        let server = saying(format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{size}\r\nok\r\n0\r\n\r\n"
        ))
        .await;
        let response = send(&server.origin(), get("/")).await.expect("a head");
        let body = text(response).await;
        assert!(
            matches!(body, Err(BodyError::Transport(_))),
            "{size:?}: {body:?}"
        );
    }
}

#[tokio::test]
async fn endless_chunk_extensions_and_trailers_are_a_fault() {
    let start = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for bytes in [
        format!("{start}2;{}\r\nok\r\n0\r\n\r\n", "x".repeat(1024 * 1024)),
        format!("{start}0\r\n{}\r\n", "x: y\r\n".repeat(10_000)),
        format!("{start}0\r\nx: {}\r\n\r\n", "y".repeat(1024 * 1024)),
    ] {
        let server = saying(bytes).await;
        let response = send(&server.origin(), get("/")).await.expect("a head");
        let body = text(response).await;
        assert!(matches!(body, Err(BodyError::Transport(_))), "{body:?}");
    }
}

#[tokio::test]
async fn what_comes_after_a_response_is_not_the_answer_to_the_next_request() {
    let second = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged";
    for bytes in [format!("{OK}{second}"), format!("{OK}garbage")] {
        let server = saying(bytes).await;
        let origin = server.origin();
        for request in 1..=3 {
            assert_eq!(fetch(&origin).await, "ok");
            assert_eq!(server.accepted(), request, "the connection is closed");
        }
    }
}

#[tokio::test]
async fn a_response_without_a_body_has_none() {
    let (server, mut request) = (
        saying("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged").await,
        get("/"),
    );
    *request.method_mut() = http::Method::HEAD;
    let origin = server.origin();
    let response = send(&origin, request).await.expect("a response");
    assert_eq!(text(response).await.as_deref(), Ok(""));
    for status in [204, 304] {
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 6\r\n\r\nforged");
        let server = saying(head).await;
        let origin = server.origin();
        for request in 1..=2 {
            assert_eq!(fetch(&origin).await, "");
            assert_eq!(server.accepted(), request, "{status}");
        }
    }
}

#[tokio::test]
async fn an_answer_before_the_whole_request_is_taken_and_its_connection_is_not_used_again() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.say("HTTP/1.1 413 Too much\r\ncontent-length: 2\r\n\r\nno")
            .await;
        peer.closed().await;
    })
    .await;
    let origin = server.origin();
    for request in 1..=2 {
        let (mut writer, body) = crate::http::channel(Body::empty());
        writer.write(b"some").await.expect("room");
        let response = send(&origin, post(body)).await.expect("a response");
        assert_eq!(response.status(), 413);
        assert_eq!(text(response).await.as_deref(), Ok("no"));
        drop(writer);
        assert_eq!(server.accepted(), request);
    }
}
