//! A new connection to an origin: name, address, TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};

use super::Live;
use super::pool::Connection;
use super::wire::Wire;
use crate::backend::{BoxFuture, SendError, TcpKeepalive, tls};
use crate::http::after;
use crate::limits;

/// Looks up the addresses of a host.
pub(super) type Resolve =
    Arc<dyn Fn(&str, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// How long an address may keep the next one waiting (RFC 8305 section 5,
/// "Connection Attempt Delay").
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects within the backend's connect timeout, which covers all steps.
pub(super) async fn connect(live: &Live) -> Result<Connection, SendError> {
    let timeout = live.settings.info.connect_timeout;
    let deadline = after(Instant::now(), timeout);
    let late = |_| SendError::ConnectTimeout(timeout);

    let addresses = timeout_at(deadline, resolve(live))
        .await
        .map_err(|_| SendError::DnsTimeout)??;
    let (stream, peer) = timeout_at(deadline, first_to_answer(addresses, timeout))
        .await
        .map_err(late)??;
    configure(&stream, live.settings.info.tcp_keepalive);
    let wire = if live.settings.info.tls {
        timeout_at(deadline, handshake(live, stream))
            .await
            .map_err(late)??
    } else {
        Wire::plain(stream)
    };

    let seen = wire.seen();
    let (sender, driver) = http1::Builder::new()
        .max_buf_size(limits::ORIGIN_BUFFER)
        .max_headers(limits::ORIGIN_HEADERS)
        .handshake(TokioIo::new(wire))
        .await
        .map_err(|error| SendError::Protocol(error.to_string()))?;
    tokio::spawn(async move {
        if let Err(error) = driver.await {
            tracing::debug!(%peer, "connection to an origin: {error}");
        }
    });
    Ok(Connection::new(sender, seen, peer))
}

async fn resolve(live: &Live) -> Result<Vec<SocketAddr>, SendError> {
    let (host, port) = (live.settings.info.host.as_str(), live.settings.info.port);
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = match &live.settings.resolve {
        Some(resolve) => resolve(host, port).await,
        None => tokio::net::lookup_host((host, port))
            .await
            .map(Vec::from_iter),
    };
    let failed = |message| SendError::Dns {
        rcode: None,
        message,
    };
    match found {
        Ok(addresses) if addresses.is_empty() => Err(failed(format!("{host} has no address"))),
        Ok(addresses) => Ok(alternate(addresses)),
        Err(error) => Err(failed(format!("{host}: {error}"))),
    }
}

/// Orders the addresses so that IPv6 and IPv4 take turns, beginning with the
/// family that the resolver puts first (RFC 8305 section 4).
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let ipv6_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == ipv6_first);
    let mut turns = Vec::with_capacity(first.len().saturating_add(second.len()));
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let turn = [first.next(), second.next()];
        if turn == [None, None] {
            return turns;
        }
        turns.extend(turn.into_iter().flatten());
    }
}

/// Tries the addresses one after another, the next one when the last one
/// failed or is slow, and takes the first connection that stands.
async fn first_to_answer(
    addresses: Vec<SocketAddr>,
    timeout: Duration,
) -> Result<(TcpStream, SocketAddr), SendError> {
    let mut waiting = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut fault = None;
    loop {
        attempts.extend(waiting.next().map(|address| dial(address, timeout)));
        tokio::select! {
            attempt = attempts.next() => match attempt {
                Some(Ok(connected)) => return Ok(connected),
                Some(Err(error)) => keep_most_telling(&mut fault, error),
                None => {}
            },
            () = sleep(ATTEMPT_DELAY), if waiting.len() > 0 => {}
        }
        if attempts.is_empty() && waiting.len() == 0 {
            let none = SendError::Internal("there was no address to connect to".to_owned());
            return Err(fault.unwrap_or(none));
        }
    }
}

/// A refusal shows that the host is there; else the first fault counts.
fn keep_most_telling(kept: &mut Option<SendError>, error: SendError) {
    match kept {
        None => *kept = Some(error),
        Some(SendError::Refused(_)) => {}
        Some(kept) if matches!(error, SendError::Refused(_)) => *kept = error,
        Some(_) => {}
    }
}

async fn dial(
    address: SocketAddr,
    timeout: Duration,
) -> Result<(TcpStream, SocketAddr), SendError> {
    use io::ErrorKind::*;
    match TcpStream::connect(address).await {
        Ok(stream) => Ok((stream, address)),
        Err(error) => Err(match error.kind() {
            ConnectionRefused => SendError::Refused(address),
            NetworkUnreachable | HostUnreachable | NetworkDown | AddrNotAvailable
            | PermissionDenied => SendError::Unroutable(format!("{address}: {error}")),
            // The kernel's own patience ended first.
            TimedOut => SendError::ConnectTimeout(timeout),
            ConnectionReset | ConnectionAborted => SendError::Terminated,
            _ => SendError::Internal(format!("connecting to {address}: {error}")),
        }),
    }
}

fn configure(stream: &TcpStream, keepalive: Option<TcpKeepalive>) {
    let mut result = stream.set_nodelay(true);
    if let Some(keepalive) = keepalive {
        let parameters = socket2::TcpKeepalive::new()
            .with_time(keepalive.time)
            .with_interval(keepalive.interval)
            .with_retries(keepalive.probes);
        result = result.and(socket2::SockRef::from(stream).set_tcp_keepalive(&parameters));
    }
    if let Err(error) = result {
        tracing::debug!("socket options of a connection to an origin: {error}");
    }
}

async fn handshake(live: &Live, stream: TcpStream) -> Result<Wire, SendError> {
    let tls = live.tls().await?;
    match tls.connector.connect(tls.name.clone(), stream).await {
        Ok(stream) => Ok(Wire::tls(stream)),
        Err(error) => Err(tls::fault(&error).unwrap_or(SendError::Terminated)),
    }
}
