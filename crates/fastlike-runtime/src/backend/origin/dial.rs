//! From a host's name to a TCP connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::live::Live;
use crate::backend::{BoxFuture, SendError, TcpKeepalive};

/// Looks up the addresses of a host.
pub(super) type Resolve =
    Arc<dyn Fn(&str, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

pub(super) async fn resolve(live: &Live) -> Result<Vec<SocketAddr>, SendError> {
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
        Ok(addresses) => Ok(alternate(addresses, live.settings.first)),
        Err(error) => Err(failed(format!("{host}: {error}"))),
    }
}

/// Which addresses of a host are tried first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Family {
    /// Those that the resolver puts first.
    #[default]
    Any,
    Ipv4,
    Ipv6,
}

/// Orders the addresses so that IPv6 and IPv4 take turns (RFC 8305 section 4).
fn alternate(addresses: Vec<SocketAddr>, first: Family) -> Vec<SocketAddr> {
    let ipv6_first = match first {
        Family::Any => addresses.first().is_some_and(SocketAddr::is_ipv6),
        Family::Ipv4 => false,
        Family::Ipv6 => true,
    };
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

/// How long an address may keep the next one waiting (RFC 8305 section 5,
/// "Connection Attempt Delay").
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Tries the addresses one after another, the next one when the last one
/// failed or is slow, and takes the first connection that stands.
pub(super) async fn first_to_answer(
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

pub(super) fn configure(stream: &TcpStream, keepalive: Option<TcpKeepalive>) {
    let mut result = stream.set_nodelay(true);
    if let Some(keepalive) = keepalive {
        let mut parameters = socket2::TcpKeepalive::new();
        if !keepalive.time.is_zero() {
            parameters = parameters.with_time(keepalive.time);
        }
        if !keepalive.interval.is_zero() {
            parameters = parameters.with_interval(keepalive.interval);
        }
        if keepalive.probes > 0 {
            parameters = parameters.with_retries(keepalive.probes);
        }
        result = result.and(socket2::SockRef::from(stream).set_tcp_keepalive(&parameters));
    }
    if let Err(error) = result {
        tracing::debug!("socket options of a connection to an origin: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_take_turns_and_one_may_come_first() {
        let address = |text: &str| -> SocketAddr { text.parse().expect("an address") };
        let (a, b, six) = (
            address("192.0.2.1:80"),
            address("192.0.2.2:80"),
            address("[2001:db8::1]:80"),
        );
        let all = || vec![a, b, six];
        assert_eq!(alternate(all(), Family::Any), [a, six, b]);
        assert_eq!(alternate(all(), Family::Ipv4), [a, six, b]);
        assert_eq!(alternate(all(), Family::Ipv6), [six, a, b]);
    }
}
