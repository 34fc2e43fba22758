//! What an origin can do wrong, and which fault the guest learns.

use super::*;

/// The fault of a GET to a server that answers with `bytes` and closes.
async fn fault_of(bytes: &'static str) -> SendError {
    let server = Scripted::start(move |mut peer, _| async move {
        peer.head().await;
        peer.say(bytes).await;
    })
    .await;
    fault(&server.origin()).await
}

#[tokio::test]
async fn closing_without_an_answer_is_terminated() {
    assert_eq!(fault_of("").await, SendError::Terminated);
}

#[tokio::test]
async fn closing_before_the_request_is_terminated() {
    let server = Scripted::start(|_, _| async {}).await;
    assert_eq!(fault(&server.origin()).await, SendError::Terminated);
}

#[tokio::test]
async fn a_reset_is_terminated() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.reset();
    })
    .await;
    assert_eq!(fault(&server.origin()).await, SendError::Terminated);
}

#[tokio::test]
async fn a_head_that_is_cut_off_is_incomplete() {
    for head in [
        "HTTP",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nx-a: 1\r\n",
    ] {
        assert_eq!(fault_of(head).await, SendError::Incomplete, "{head:?}");
    }
}

#[tokio::test]
async fn a_reset_within_the_head_is_incomplete() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.say("HTTP/1.1 200 OK\r\n").await;
        // Reads what is not there, so that the client has the first line.
        tokio::task::yield_now().await;
        peer.reset();
    })
    .await;
    assert_eq!(fault(&server.origin()).await, SendError::Incomplete);
}

#[tokio::test]
async fn a_bad_status_is_an_invalid_status() {
    for line in [
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 000 X\r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
    ] {
        assert_eq!(fault_of(line).await, SendError::InvalidStatus, "{line:?}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_fault() {
    for bytes in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\u{15}\u{3}\u{3}\0\u{2}\u{2}\u{16}",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
    ] {
        let error = fault_of(bytes).await;
        assert!(
            matches!(error, SendError::Protocol(_)),
            "{bytes:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_speaks_first_is_a_protocol_fault() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.say("SSH-2.0-OpenSSH_9.2\r\n").await;
        peer.closed().await;
    })
    .await;
    for _ in 0..20 {
        let error = fault(&server.origin()).await;
        assert!(matches!(error, SendError::Protocol(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_head_is_taken_up_to_its_limit() {
    let server = Scripted::start(|mut peer, _| async move {
        loop {
            let head = peer.head().await;
            let length = head
                .split([' ', '/'])
                .find_map(|word| word.parse::<usize>().ok());
            let Some(length) = length else { break };
            let start = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-a: ";
            let value = "x".repeat(length - start.len() - 4);
            peer.say(&format!("{start}{value}\r\n\r\n")).await;
        }
    })
    .await;
    let origin = server.origin();
    let limit = crate::limits::ORIGIN_BUFFER;
    let response = send(&origin, get(&format!("/{limit}"))).await;
    assert_eq!(response.expect("fits").status(), 200);
    let response = send(&origin, get(&format!("/{}", limit + 1))).await;
    assert_eq!(response.err(), Some(SendError::HeadTooLarge));
}

#[tokio::test]
async fn headers_are_taken_up_to_their_limit() {
    let limit = crate::limits::ORIGIN_HEADERS;
    for (count, taken) in [(limit, true), (limit + 1, false)] {
        let server = Scripted::start(move |mut peer, _| async move {
            peer.head().await;
            let lines = "x: y\r\n".repeat(count - 1);
            peer.say(&format!(
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{lines}\r\n"
            ))
            .await;
        })
        .await;
        let response = send(&server.origin(), get("/")).await;
        match taken {
            true => assert_eq!(response.expect("fits").headers().len(), count),
            false => assert_eq!(response.err(), Some(SendError::HeadTooLarge)),
        }
    }
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_incomplete() {
    for response in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nha",
    ] {
        let server = Scripted::start(move |mut peer, _| async move {
            peer.head().await;
            peer.say(response).await;
        })
        .await;
        let origin = server.origin();
        let response = send(&origin, get("/")).await.expect("a head");
        assert_eq!(text(response).await, Err(BodyError::Incomplete));
    }
}

#[tokio::test]
async fn a_body_that_is_reset_is_incomplete() {
    let (seen, head_was_seen) = tokio::sync::oneshot::channel();
    let head_was_seen = Arc::new(tokio::sync::Mutex::new(Some(head_was_seen)));
    let server = Scripted::start(move |mut peer, _| {
        let seen = Arc::clone(&head_was_seen);
        async move {
            peer.head().await;
            peer.say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
                .await;
            let seen = seen.lock().await.take().expect("one connection");
            seen.await.expect("the test goes on");
            peer.reset();
        }
    })
    .await;
    let response = send(&server.origin(), get("/")).await.expect("a head");
    seen.send(()).expect("the server waits");
    assert_eq!(text(response).await, Err(BodyError::Incomplete));
}

#[tokio::test]
async fn chunks_that_make_no_sense_are_a_transport_fault() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n")
            .await;
        peer.closed().await;
    })
    .await;
    let response = send(&server.origin(), get("/")).await.expect("a head");
    let body = text(response).await;
    assert!(matches!(body, Err(BodyError::Transport(_))), "{body:?}");
}

#[tokio::test]
async fn a_request_body_that_its_writer_abandons_is_told_to_both_sides() {
    let (seen, mut half) = tokio::sync::mpsc::unbounded_channel();
    let server = Scripted::start(move |mut peer, _| {
        let seen = seen.clone();
        async move {
            peer.head().await;
            let mut rest = String::new();
            let _ = peer.0.read_to_string(&mut rest).await;
            seen.send(rest).expect("the test goes on");
        }
    })
    .await;
    let (mut writer, body) = crate::http::channel(Body::empty());
    writer.write(b"half").await.expect("room");
    drop(writer);
    let error = send(&server.origin(), post(body)).await.err();
    assert!(
        matches!(error, Some(SendError::RequestBody(_))),
        "{error:?}"
    );
    // The last chunk, which would make the body complete, is missing.
    let sent = half.recv().await.expect("the server saw it");
    assert!(!sent.contains("0\r\n\r\n"), "{sent:?}");
}
