//! One connection of a client, from its first byte to its end.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::http2::{self, Streams};
use super::{Alive, Server, proxy_protocol};
use crate::client::ConnInfo;
use crate::http::{Body, BodyError, idle_timeout};
use crate::limits;
use crate::wire::{OverSocket, Socket, WireStream};

/// Turns true when the server drains.
type Drain = watch::Receiver<bool>;

/// Serves a connection to its end.
pub(super) async fn run(
    server: Arc<Server>,
    stream: TcpStream,
    peer: SocketAddr,
    alive: Alive,
    drain: Drain,
) {
    let mut opening = drain.clone();
    let opened = tokio::select! {
        opened = open(&server, stream, peer) => opened,
        // Nothing runs on it yet.
        () = told(&mut opening) => return,
    };
    let ended = match opened {
        Err(error) => Err(error.into()),
        Ok(Opened {
            stream,
            info,
            http2,
        }) => {
            let info = info.with_alive(alive.clone());
            match stream {
                Stream::Clear(stream) => serve(server, stream, info, http2, drain).await,
                Stream::Tls(stream) => serve(server, *stream, info, http2, drain).await,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, "connection ended: {error}");
    }
    drop(alive);
}

type Ended = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// A connection on which HTTP begins.
struct Opened {
    stream: Stream,
    info: ConnInfo,
    http2: bool,
}

enum Stream {
    Clear(Socket),
    Tls(Box<TlsStream<Socket>>),
}

/// All that comes before HTTP: whose connection it is, TLS, and which version
/// of HTTP it will be.
async fn open(server: &Server, stream: TcpStream, peer: SocketAddr) -> io::Result<Opened> {
    drop(stream.set_nodelay(true));
    // Nothing here may keep the service of this moment: the client can be slow.
    let limits = server.current.get().limits().clone();
    let options = &server.options;
    let mut info = ConnInfo::new(peer, stream.local_addr().ok());
    let mut socket = Socket::new(stream, limits.client_idle_timeout);
    info.trusted = options.trusted.contains(peer.ip());
    if options.proxy_protocol && info.trusted {
        let header = proxy_protocol::take_header(&mut socket);
        let addresses = within(limits.handshake_timeout, header).await?;
        // A client whose address its proxy does not tell is not the proxy.
        info.trusted = addresses.is_some_and(|a| options.trusted.contains(a.source.ip()));
        if let Some(addresses) = addresses {
            info.peer = Some(addresses.source);
            info.local = Some(addresses.destination);
        }
    }
    let Some(tls) = &options.tls else {
        let http2 = within(limits.header_read_timeout, socket.speaks_http2()).await?;
        let stream = Stream::Clear(socket);
        return Ok(Opened {
            stream,
            info,
            http2,
        });
    };
    let (stream, facts) = within(limits.handshake_timeout, tls.accept(socket)).await?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Opened {
        stream: Stream::Tls(Box::new(stream)),
        info: info.with_tls_facts(facts),
        http2,
    })
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = || {
        io::Error::new(
            io::ErrorKind::TimedOut,
            "the client takes too long to begin",
        )
    };
    timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
}

async fn told(drain: &mut Drain) {
    drop(drain.wait_for(|draining| *draining).await);
}

/// Serves HTTP, and waits for the end of what the connection may become after.
async fn serve<S>(
    server: Arc<Server>,
    stream: S,
    info: ConnInfo,
    http2: bool,
    mut drain: Drain,
) -> Ended
where
    S: OverSocket + AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (stream, wire) = WireStream::new(stream, http2);
    let info = Arc::new(info.with_wire(Arc::clone(&wire)));
    if http2 {
        return serve_http2(server, stream, info, drain).await;
    }
    let limit = server.current.get().limits().drain;
    serve_http1(server, stream, info, &mut drain).await?;
    wire.stop_looking();
    // The stream is still there if another protocol has taken it over.
    tokio::select! {
        () = wire.ended() => return Ok(()),
        () = told(&mut drain) => {}
    }
    if timeout(limit, wire.ended()).await.is_err() {
        wire.cut_off();
    }
    Ok(())
}

async fn serve_http1<S>(
    server: Arc<Server>,
    stream: WireStream<S>,
    info: Arc<ConnInfo>,
    drain: &mut Drain,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = server.current.get().limits().clone();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_timeout)
        .max_headers(limits::CLIENT_HEADERS)
        .max_buf_size(limits::CLIENT_HEAD);
    let service = service_fn(move |request: Request<Incoming>| {
        let (server, info) = (Arc::clone(&server), Arc::clone(&info));
        async move {
            let response = answer(&server, request, &info).await;
            Ok::<_, Infallible>(response.map(|body| Paced { body, info }))
        }
    });
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection.with_upgrades());
    tokio::select! {
        ended = connection.as_mut() => return ended.map_err(Into::into),
        () = told(drain) => {}
    }
    connection.as_mut().graceful_shutdown();
    // Dropping the connection ends its guest, too.
    Ok(timeout(limits.drain, connection).await.unwrap_or(Ok(()))?)
}

async fn serve_http2<S>(
    server: Arc<Server>,
    stream: WireStream<S>,
    info: Arc<ConnInfo>,
    mut drain: Drain,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = server.current.get().limits().clone();
    let streams = Streams::new(limits.client_idle_timeout);
    let http = http2::builder(&streams, &limits);
    let paced = streams.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (server, info) = (Arc::clone(&server), Arc::clone(&info));
        let asked = request.method().clone();
        paced.call::<_, Infallible>(async move {
            http2::as_http2(&asked, answer(&server, request, &info).await)
        })
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => return ended.map_err(Into::into),
        () = told(&mut drain) => {}
        () = streams.idle() => {}
    }
    // Says goodbye (GOAWAY), and lets the streams that run end.
    connection.as_mut().graceful_shutdown();
    Ok(timeout(limits.drain, connection).await.unwrap_or(Ok(()))?)
}

async fn answer(
    server: &Server,
    request: Request<Incoming>,
    info: &ConnInfo,
) -> http::Response<Body> {
    let fastlike = server.current.get();
    let idle = fastlike.limits().client_idle_timeout;
    let request = request.map(|body| idle_timeout(body, idle));
    if let Some(name) = &server.options.client_ip_header
        && info.trusted
        && let Some(client) = server.options.trusted.client(request.headers(), name)
    {
        let mut info = info.clone();
        info.peer = Some(client);
        return fastlike.answer(request, &info).await;
    }
    fastlike.answer(request, info).await
}

/// A response's body that is not read ahead of the client: what hyper would
/// gather otherwise is more than a stream should cost whose client is slow.
struct Paced {
    body: Body,
    info: Arc<ConnInfo>,
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(wire) = self.info.wire() {
            ready!(wire.poll_taken(cx));
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
