//! Origins that speak HTTP/2.

use bytes::Bytes;
use http::{HeaderMap, Version};
use http_body_util::StreamBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use super::frames::{HEADERS, SETTINGS};
use super::tls::Authority;
use super::*;
use crate::backend::RemoteAddr;
use crate::limits;

/// Says what it was asked, as body and trailers.
async fn tell(request: Request<Incoming>) -> Result<Response<Answer>, std::convert::Infallible> {
    let (head, body) = request.into_parts();
    let mut names: Vec<_> = head.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let names = names.join(",");
    let body = body.collect().await.expect("a whole body");
    let trailers = body.trailers().cloned().unwrap_or_default();
    let told = format!(
        "{:?} {} {} [{names}] {:?}",
        head.version,
        head.method,
        head.uri,
        body.to_bytes()
    );
    let frames = [
        Ok(http_body::Frame::data(Bytes::from(told))),
        Ok(http_body::Frame::trailers(trailers)),
    ];
    Ok(Response::new(StreamBody::new(futures_util::stream::iter(
        frames,
    ))))
}

type Answer = StreamBody<
    futures_util::stream::Iter<
        std::array::IntoIter<Result<http_body::Frame<Bytes>, std::convert::Infallible>, 2>,
    >,
>;

/// A real HTTP/2 server, by prior knowledge.
async fn cleartext() -> Scripted {
    Scripted::start(|peer, _| async move {
        let stream = TokioIo::new(peer.0.into_inner());
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let _ = server.serve_connection(stream, service_fn(tell)).await;
    })
    .await
}

/// A real server of both versions, behind TLS, that agrees to `alpn`.
async fn over_tls(authority: &Authority, alpn: &[&str]) -> (Scripted, Origin) {
    let (certificate, key) = authority.issue("origin.example").der;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate and its key");
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Scripted::start(move |peer, _| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(peer.0.into_inner()).await else {
                return;
            };
            let stream = TokioIo::new(stream);
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            let service = service_fn(tell);
            let _ = server.serve_connection_with_upgrades(stream, service).await;
        }
    })
    .await;
    let address = server.address;
    let origin = Origin::new("https://origin.example/base")
        .expect("a URL")
        .connect_timeout(PATIENCE)
        .resolve_with(move |_, _| std::future::ready(Ok(vec![address])))
        .ca_certificates(authority.pem())
        .expect("a certificate");
    (server, origin)
}

#[tokio::test]
async fn an_origin_that_agrees_to_http_2_is_spoken_to_in_it() {
    let authority = Authority::new();
    let (server, origin) = over_tls(&authority, &["h2", "http/1.1"]).await;
    let mut request = get("http://www.example/path?q");
    let headers = request.headers_mut();
    for (name, value) in [("connection", "close"), ("te", "trailers"), ("x-a", "1")] {
        headers.insert(name, value.parse().expect("a value"));
    }
    let response = send(&origin, request).await.expect("a response");
    assert_eq!(response.version(), Version::HTTP_2);
    let remote = response.extensions().get::<RemoteAddr>().copied();
    assert_eq!(remote, Some(RemoteAddr(server.address)));
    let expected = "HTTP/2.0 GET https://www.example/base/path?q [te,x-a] b\"\"";
    assert_eq!(text(response).await.as_deref(), Ok(expected));
}

#[tokio::test]
async fn requests_share_one_connection() {
    let authority = Authority::new();
    let (server, origin) = over_tls(&authority, &["h2", "http/1.1"]).await;
    let fetches = (0..20).map(|_| fetch(&origin));
    for told in futures_util::future::join_all(fetches).await {
        assert!(told.starts_with("HTTP/2.0 GET"), "{told}");
    }
    fetch(&origin).await;
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn an_origin_that_does_not_agree_is_spoken_to_in_http_1_1() {
    let authority = Authority::new();
    for alpn in [&["http/1.1"][..], &[]] {
        let (server, origin) = over_tls(&authority, alpn).await;
        let fetches = (0..3).map(|_| fetch(&origin));
        for told in futures_util::future::join_all(fetches).await {
            assert!(told.starts_with("HTTP/1.1 GET /base/ [host]"), "{told}");
        }
        assert!(server.accepted() > 1, "each has a connection of its own");
    }
    let (_server, origin) = over_tls(&authority, &["h2", "http/1.1"]).await;
    let told = fetch(&origin.http2(false)).await;
    assert!(told.starts_with("HTTP/1.1 GET /base/"), "{told}");
}

#[tokio::test]
async fn a_body_and_trailers_go_both_ways() {
    let server = cleartext().await;
    let origin = server.origin().grpc(true);
    let (mut writer, body) = crate::http::channel(Body::empty());
    writer.write(b"hello").await.expect("room");
    writer
        .trailers_mut()
        .insert("grpc-status", "0".parse().expect("a value"));
    writer.finish();
    let response = send(&origin, post(body)).await.expect("a response");
    let body = response.into_body().collect().await.expect("whole");
    let mut expected = HeaderMap::new();
    expected.insert("grpc-status", "0".parse().expect("a value"));
    assert_eq!(body.trailers(), Some(&expected));
    let told = String::from_utf8(body.to_bytes().to_vec()).expect("text");
    let start = format!("HTTP/2.0 POST http://{}/ [] b\"hello\"", server.address);
    assert_eq!(told, start);
}

#[tokio::test]
async fn grpc_over_tls_needs_an_origin_that_agrees_to_http_2() {
    let authority = Authority::new();
    let (_server, origin) = over_tls(&authority, &["h2", "http/1.1"]).await;
    let told = fetch(&origin.grpc(true)).await;
    assert!(told.starts_with("HTTP/2.0 GET"), "{told}");
    let (_server, origin) = over_tls(&authority, &[]).await;
    let error = fault(&origin.grpc(true)).await;
    assert!(matches!(&error, SendError::Protocol(why) if why.contains("gRPC")));
    // One that knows other protocols only says so itself.
    let (_server, origin) = over_tls(&authority, &["http/1.1"]).await;
    let error = fault(&origin.grpc(true)).await;
    assert!(
        matches!(error, SendError::TlsAlert { id: 120, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_upgrade_is_asked_for_in_http_1_1() {
    let authority = Authority::new();
    let (_server, origin) = over_tls(&authority, &["h2", "http/1.1"]).await;
    fetch(&origin).await;
    let mut request = get("/");
    request
        .headers_mut()
        .insert("upgrade", "echo".parse().expect("a value"));
    let response = origin.send(request, SendContext { upgrade: true }).await;
    let told = text(response.expect("a response")).await.expect("whole");
    assert!(told.starts_with("HTTP/1.1 GET /base/ [connection,host,upgrade]"));
}

/// An origin that tells of each request and answers none.
async fn silent(
    concurrency: Option<u32>,
) -> (Scripted, tokio::sync::mpsc::UnboundedReceiver<usize>) {
    let (asked, asks) = tokio::sync::mpsc::unbounded_channel();
    let server = Scripted::start(move |mut peer, number| {
        let asked = asked.clone();
        async move {
            let settings: Vec<_> = concurrency.map(|most| (3, most)).into_iter().collect();
            peer.http2(&settings).await;
            while peer.next_request().await.is_some() {
                let _ = asked.send(number);
            }
        }
    })
    .await;
    (server, asks)
}

/// Sends a request that nobody answers, and says on which connection it was.
async fn ask(
    origin: &Arc<Origin>,
    asks: &mut tokio::sync::mpsc::UnboundedReceiver<usize>,
) -> (usize, JoinHandle<Result<Response<Body>, SendError>>) {
    let origin = Arc::clone(origin);
    let sending = tokio::spawn(async move { send(&origin, get("/")).await });
    (asks.recv().await.expect("a request"), sending)
}

#[tokio::test]
async fn a_connection_has_at_most_so_many_requests_at_a_time() {
    let (server, mut asks) = silent(Some(1_000)).await;
    let origin = Arc::new(server.origin().grpc(true));
    let mut sent = Vec::new();
    for _ in 0..limits::ORIGIN_STREAMS {
        let (connection, sending) = ask(&origin, &mut asks).await;
        assert_eq!(connection, 0);
        sent.push(sending);
    }
    assert_eq!(ask(&origin, &mut asks).await.0, 1, "one more");
    // Giving up makes room.
    for sending in sent {
        sending.abort();
        assert!(sending.await.is_err());
    }
    assert_eq!(ask(&origin, &mut asks).await.0, 0);
}

#[tokio::test]
async fn an_origin_that_takes_fewer_gets_fewer() {
    let (server, mut asks) = silent(Some(1)).await;
    let origin = Arc::new(server.origin().grpc(true));
    let (first, _one) = ask(&origin, &mut asks).await;
    // The settings are looked at with the next request, which may have to wait.
    let other = Arc::clone(&origin);
    let _two = tokio::spawn(async move { send(&other, get("/")).await.map(|_| ()) });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let (third, _three) = ask(&origin, &mut asks).await;
    assert_eq!((first, third), (0, 1));
}

#[tokio::test]
async fn those_who_wait_for_the_only_connection_share_it_as_soon_as_it_stands() {
    let (server, mut asks) = silent(None).await;
    let origin = Arc::new(server.origin().grpc(true).max_connections(1));
    let mut sent = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let origin = Arc::clone(&origin);
        sent.spawn(async move { send(&origin, get("/")).await.map(|_| ()) });
    }
    for _ in 0..10 {
        assert_eq!(asks.recv().await, Some(0));
    }
}

#[tokio::test]
async fn an_upgrade_takes_the_place_of_an_idle_connection() {
    let authority = Authority::new();
    let (server, origin) = over_tls(&authority, &["h2", "http/1.1"]).await;
    let origin = origin.max_connections(1);
    fetch(&origin).await;
    let response = origin.send(get("/"), SendContext { upgrade: true }).await;
    let told = text(response.expect("a response")).await.expect("whole");
    assert!(told.starts_with("HTTP/1.1 GET"), "{told}");
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_host_that_is_no_authority_cannot_be_sent() {
    let server = cleartext().await;
    for host in ["a b", "me@example.com", "[", "\u{fc}"] {
        let mut request = get("/");
        let value = http::HeaderValue::from_bytes(host.as_bytes()).expect("a value");
        request.headers_mut().insert("host", value);
        let error = send(&server.origin().grpc(true), request).await.err();
        assert!(matches!(error, Some(SendError::InvalidUri(_))), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_of_connections_requests_wait_on_those_there_are() {
    let (server, mut asks) = silent(Some(1)).await;
    let origin = server.origin().grpc(true).max_connections(1);
    let origin = Arc::new(origin);
    let (_, one) = ask(&origin, &mut asks).await;
    let other = Arc::clone(&origin);
    let two = tokio::spawn(async move { send(&other, get("/")).await.map(|_| ()) });
    let late = SendError::ResponseTimeout(Duration::from_secs(15));
    assert_eq!(two.await.expect("task"), Err(late));
    assert_eq!(server.accepted(), 1);
    drop(one);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_its_time() {
    let (closed, mut closures) = tokio::sync::mpsc::unbounded_channel();
    let server = Scripted::start(move |mut peer, _| {
        let closed = closed.clone();
        async move {
            peer.http2(&[]).await;
            while let Some(stream) = peer.next_request().await {
                peer.answer(stream).await;
            }
            let _ = closed.send(());
        }
    })
    .await;
    let time = Duration::from_secs(7);
    let origin = server.origin().grpc(true).keepalive_time(time);
    assert_eq!(fetch(&origin).await, "ok");
    let start = tokio::time::Instant::now();
    assert_eq!(fetch(&origin).await, "ok");
    closures.recv().await.expect("closed");
    assert!((time..2 * time).contains(&start.elapsed()));
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn how_far_an_origin_may_send_ahead_is_told_in_the_settings() {
    let (told, mut tell) = tokio::sync::mpsc::unbounded_channel();
    let server = Scripted::start(move |mut peer, _| {
        let told = told.clone();
        async move {
            peer.http2(&[]).await;
            while let Some(frame) = peer.next_frame().await {
                match frame.kind {
                    SETTINGS => drop(told.send(frame.payload)),
                    HEADERS => peer.answer(frame.stream).await,
                    _ => {}
                }
            }
        }
    })
    .await;
    assert_eq!(fetch(&server.origin().grpc(true)).await, "ok");
    let settings = tell.recv().await.expect("settings");
    let window = limits::ORIGIN_STREAM_WINDOW.to_be_bytes();
    let expected = [&[0, 4], &window[..]].concat();
    assert!(
        settings.chunks(6).any(|one| one == expected),
        "{settings:?}"
    );
}
