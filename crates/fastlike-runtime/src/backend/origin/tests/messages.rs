//! What goes out and what comes back.

use tokio::sync::mpsc;

use super::*;

/// A server that answers each request with OK and tells the test its head.
async fn echo_heads() -> (Scripted, mpsc::UnboundedReceiver<String>) {
    let (seen, heads) = mpsc::unbounded_channel();
    let server = Scripted::start(move |mut peer, _| {
        let seen = seen.clone();
        async move {
            loop {
                let head = peer.head().await;
                if head.is_empty() || seen.send(head).is_err() {
                    break;
                }
                peer.say(OK).await;
            }
        }
    })
    .await;
    (server, heads)
}

#[tokio::test]
async fn a_request_goes_out_in_origin_form_with_the_backends_host() {
    let (server, mut heads) = echo_heads().await;
    assert_eq!(fetch(&server.origin_at("/base/")).await, "ok");
    let head = heads.recv().await.expect("a request");
    let expected = format!("GET /base/ HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
    assert_eq!(head, expected);
}

#[tokio::test]
async fn whatever_version_the_guest_names_http_1_1_is_spoken() {
    let (server, mut heads) = echo_heads().await;
    let origin = server.origin();
    for version in [
        http::Version::HTTP_09,
        http::Version::HTTP_10,
        http::Version::HTTP_2,
        http::Version::HTTP_3,
    ] {
        let mut request = get("/");
        *request.version_mut() = version;
        let response = send(&origin, request).await.expect("a response");
        assert_eq!(text(response).await.as_deref(), Ok("ok"));
        let head = heads.recv().await.expect("a request");
        assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
    }
}

#[tokio::test]
async fn the_override_replaces_the_guests_host() {
    let (server, mut heads) = echo_heads().await;
    let origin = server.origin().override_host("other.example:81");
    let origin = origin.expect("a valid host");
    let mut request = get("http://guest.example/");
    let guests = http::HeaderValue::from_static("guest.example");
    request.headers_mut().insert("host", guests);
    send(&origin, request).await.expect("a response");
    let head = heads.recv().await.expect("a request");
    assert!(head.contains("\r\nhost: other.example:81\r\n"), "{head}");
    assert!(!head.contains("guest.example"), "{head}");
}

#[tokio::test]
async fn a_streaming_body_arrives_chunk_by_chunk_even_with_get() {
    for method in ["GET", "POST"] {
        let server = Scripted::start(|mut peer, _| async move {
            let head = peer.head().await;
            assert!(head.contains("transfer-encoding: chunked"), "{head}");
            assert_eq!(peer.read("5\r\nfirst\r\n".len()).await, "5\r\nfirst\r\n");
            // Only now, and only if the first chunk did not wait for it:
            peer.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                .await;
            let rest = peer.read("4\r\nlast\r\n0\r\n\r\n".len()).await;
            assert_eq!(rest, "4\r\nlast\r\n0\r\n\r\n");
            peer.say("4\r\ndone\r\n0\r\n\r\n").await;
        })
        .await;
        let (mut writer, body) = crate::http::channel(Body::empty());
        writer.write(b"first").await.expect("room");
        let mut request = post(body);
        *request.method_mut() = method.parse().expect("a method");
        let response = send(&server.origin(), request).await.expect("a response");
        writer.write(b"last").await.expect("room");
        writer.finish();
        assert_eq!(text(response).await.as_deref(), Ok("done"));
    }
}

#[tokio::test]
async fn an_answer_that_does_not_wait_for_the_requests_body_is_received() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        // Closing with so much unread resets the connection.
        peer.say("HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno")
            .await;
    })
    .await;
    let large = vec![b'x'; 64 * 1024 * 1024];
    let response = send(&server.origin(), post(large)).await;
    let response = response.expect("a response");
    assert_eq!(response.status(), 413);
    assert_eq!(text(response).await.as_deref(), Ok("no"));
}

#[tokio::test]
async fn a_body_of_known_length_has_a_content_length() {
    let (seen, mut requests) = mpsc::unbounded_channel();
    let server = Scripted::start(move |mut peer, _| {
        let seen = seen.clone();
        async move {
            let head = peer.head().await;
            let body = peer.read(4).await;
            seen.send((head, body)).expect("the test goes on");
            peer.say(OK).await;
        }
    })
    .await;
    send(&server.origin(), post("body"))
        .await
        .expect("a response");
    let (head, body) = requests.recv().await.expect("a request");
    assert!(head.contains("\r\ncontent-length: 4\r\n"), "{head}");
    assert_eq!(body, "body");
}

#[tokio::test]
async fn a_post_without_a_body_says_so() {
    let (server, mut heads) = echo_heads().await;
    send(&server.origin(), post(())).await.expect("a response");
    let head = heads.recv().await.expect("a request");
    assert!(head.contains("\r\ncontent-length: 0\r\n"), "{head}");
}

#[tokio::test]
async fn interim_responses_are_passed_over() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.say("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")
            .await;
        peer.say("HTTP/1.1 100 Continue\r\n\r\n").await;
        peer.say(OK).await;
    })
    .await;
    let response = send(&server.origin(), get("/")).await.expect("a response");
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("link"));
}

#[tokio::test]
async fn fields_of_the_origins_connection_do_not_reach_the_guest() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.say(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: x-hop, close\r\n\
             keep-alive: timeout=5\r\nx-hop: 1\r\nx-end: 1\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        )
        .await;
    })
    .await;
    let response = send(&server.origin(), get("/")).await.expect("a response");
    let names: Vec<_> = response
        .headers()
        .keys()
        .map(|name| name.as_str())
        .collect();
    assert_eq!(names, ["x-end"]);
    assert_eq!(text(response).await.as_deref(), Ok("ok"));
}

#[tokio::test]
async fn responses_without_a_body_leave_the_connection_usable() {
    let server = Scripted::start(|mut peer, _| async move {
        for answer in [
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\n\r\n",
            OK,
        ] {
            peer.head().await;
            peer.say(answer).await;
        }
    })
    .await;
    let origin = server.origin();
    let mut head = get("/");
    *head.method_mut() = http::Method::HEAD;
    let response = send(&origin, head).await.expect("a response");
    assert_eq!(response.headers()["content-length"], "100");
    assert_eq!(text(response).await.as_deref(), Ok(""));
    for expected in ["", "", "ok"] {
        assert_eq!(fetch(&origin).await, expected);
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_response_without_a_length_ends_with_its_connection() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.say("HTTP/1.0 200 OK\r\n\r\nuntil the end").await;
    })
    .await;
    let origin = server.origin();
    assert_eq!(fetch(&origin).await, "until the end");
    assert_eq!(fetch(&origin).await, "until the end");
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn trailers_of_a_response_arrive() {
    let server = Scripted::start(|mut peer, _| async move {
        while !peer.head().await.is_empty() {
            peer.say(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
                 2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n",
            )
            .await;
        }
    })
    .await;
    let origin = server.origin();
    for _ in 0..2 {
        let response = send(&origin, get("/")).await.expect("a response");
        let whole = response.into_body().collect().await.expect("whole");
        let sum = whole.trailers().and_then(|trailers| trailers.get("x-sum"));
        assert_eq!(sum.map(|sum| sum.as_bytes()), Some(&b"7"[..]));
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_large_body_passes_through_while_little_is_held() {
    const CHUNK: usize = 256 * 1024;
    const CHUNKS: usize = 40;
    let (sent, mut progress) = mpsc::unbounded_channel();
    let server = Scripted::start(move |mut peer, _| {
        let sent = sent.clone();
        async move {
            peer.head().await;
            let length = CHUNK * CHUNKS;
            peer.say(&format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n"
            ))
            .await;
            let chunk = "x".repeat(CHUNK);
            for number in 0..CHUNKS {
                peer.say(&chunk).await;
                sent.send(number).expect("the test goes on");
            }
        }
    })
    .await;
    let response = send(&server.origin(), get("/")).await.expect("a response");
    let mut body = response.into_body();
    assert_eq!(body.known_length(), Some((CHUNK * CHUNKS) as u64));
    let mut received = 0;
    let mut largest = 0;
    while let Some(frame) = body.frame().await {
        let length = frame
            .expect("a frame")
            .data_ref()
            .map_or(0, |data| data.len());
        received += length;
        largest = largest.max(length);
    }
    assert_eq!(received, CHUNK * CHUNKS);
    assert!(largest <= 2 * crate::limits::ORIGIN_BUFFER, "{largest}");
    let mut last = None;
    while let Ok(number) = progress.try_recv() {
        last = Some(number);
    }
    assert_eq!(last, Some(CHUNKS - 1));
}
