//! A connection for a request: one that another request left, or a new one.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::dial::{configure, first_to_answer, resolve};
use super::limit::Slot;
use super::live::{Live, Speaks};
use super::pool::{Age, Connection, Lease, Multiplexed, Open};
use super::wire::Wire;
use crate::backend::{SendError, tls};
use crate::http::after;
use crate::limits;

/// What a request needs of its connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Need {
    /// The last connection died while it was idle: another idle one may have, too.
    pub(super) fresh: bool,
    /// An HTTP/1.1 connection that no other request uses.
    pub(super) upgrade: bool,
}

/// A connection, within the backend's connect timeout, which covers all
/// steps. Waits for one if the origin has as many as it may have.
pub(super) async fn obtain(live: &Live, need: Need) -> Result<Lease, SendError> {
    if live.settings.info.tls {
        // The first one reads the system's roots, which is not the origin's to pay.
        live.tls().await?;
    }
    let timeout = live.settings.info.connect_timeout;
    let deadline = after(Instant::now(), timeout);
    let slot = match slot(live, need, deadline).await? {
        Turn::Slot(slot) => slot,
        Turn::Lease(lease) => return Ok(lease),
    };
    // One connection serves many requests: those that come meanwhile wait for it.
    let opening = if live.may_be_shared() && !need.upgrade {
        let opening = timeout_at(deadline, live.opening.lock());
        let opening = opening
            .await
            .map_err(|_| SendError::ConnectTimeout(timeout))?;
        if live.speaks() == Speaks::Http2
            && let Some(lease) = live.pool.take(Instant::now())
        {
            return Ok(lease);
        }
        live.may_be_shared().then_some(opening)
    } else {
        None
    };
    let (wire, peer, speaks) = open(live, need, deadline).await?;
    let lease = match speaks {
        Speaks::Http2 => {
            let connection = http2(wire, peer, slot, live.pool.opened()).await?;
            Lease::Stream(live.pool.share(connection))
        }
        Speaks::Http1 | Speaks::Unknown => {
            Lease::Whole(http1(wire, peer, slot, live.pool.opened()).await?)
        }
    };
    drop(opening);
    Ok(lease)
}

/// What waiting for one's turn ended with.
enum Turn {
    Slot(Option<Slot>),
    Lease(Lease),
}

async fn slot(live: &Live, need: Need, deadline: Instant) -> Result<Turn, SendError> {
    let pool = &live.pool;
    let Some(limit) = &pool.limit else {
        return Ok(Turn::Slot(None));
    };
    loop {
        // Before the look, so that nothing that changes after it is missed.
        let mut changed = pin!(limit.changed());
        changed.as_mut().enable();
        if !need.fresh
            && !need.upgrade
            && let Some(lease) = pool.take(Instant::now())
        {
            if matches!(lease, Lease::Stream(_)) {
                // There may be room for the next one, too.
                limit.tell();
            }
            return Ok(Turn::Lease(lease));
        }
        if let Some(slot) = limit.slot() {
            return Ok(Turn::Slot(Some(slot)));
        }
        if !need.upgrade
            && let Some(stream) = pool.squeeze_in()
        {
            limit.tell();
            return Ok(Turn::Lease(Lease::Stream(stream)));
        }
        if (need.fresh || need.upgrade) && pool.close_idle() {
            continue;
        }
        timeout_at(deadline, changed)
            .await
            .map_err(|_| SendError::ConnectionLimit)?;
    }
}

/// A stream of bytes to the origin, and what will be spoken on it.
async fn open(
    live: &Live,
    need: Need,
    deadline: Instant,
) -> Result<(Wire, SocketAddr, Speaks), SendError> {
    let timeout = live.settings.info.connect_timeout;
    let late = |_| SendError::ConnectTimeout(timeout);
    let addresses = timeout_at(deadline, resolve(live))
        .await
        .map_err(|_| SendError::DnsTimeout)??;
    let (stream, peer) = timeout_at(deadline, first_to_answer(addresses, timeout))
        .await
        .map_err(late)??;
    configure(&stream, live.settings.info.tcp_keepalive);
    if !live.settings.info.tls {
        let speaks = match (live.settings.grpc, need.upgrade) {
            (true, false) => Speaks::Http2,
            _ => Speaks::Http1,
        };
        return Ok((Wire::plain(stream), peer, speaks));
    }
    let (wire, http2) = timeout_at(deadline, handshake(live, need, stream))
        .await
        .map_err(late)??;
    let speaks = if http2 { Speaks::Http2 } else { Speaks::Http1 };
    if live.settings.grpc && !http2 && !need.upgrade {
        return Err(SendError::Protocol(
            "gRPC needs HTTP/2, which the origin did not agree to speak".to_owned(),
        ));
    }
    if !need.upgrade {
        live.learn(speaks);
    }
    Ok((wire, peer, speaks))
}

async fn handshake(live: &Live, need: Need, stream: TcpStream) -> Result<(Wire, bool), SendError> {
    let tls = live.tls().await?;
    let connector = if need.upgrade {
        &tls.http1
    } else {
        &tls.connector
    };
    match connector.connect(tls.name.clone(), stream).await {
        Ok(stream) => {
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            Ok((Wire::tls(stream), http2))
        }
        Err(error) => Err(tls::fault(&error).unwrap_or(SendError::Terminated)),
    }
}

async fn http1(
    wire: Wire,
    peer: SocketAddr,
    slot: Option<Slot>,
    open: Open,
) -> Result<Connection, SendError> {
    let seen = wire.seen();
    let (sender, driver) = http1::Builder::new()
        .max_buf_size(limits::ORIGIN_BUFFER)
        .max_headers(limits::ORIGIN_HEADERS)
        .handshake(TokioIo::new(wire))
        .await
        .map_err(|error| SendError::Protocol(error.to_string()))?;
    tokio::spawn(async move {
        if let Err(error) = driver.with_upgrades().await {
            tracing::debug!(%peer, "connection to an origin: {error}");
        }
    });
    Ok(Connection {
        sender,
        seen,
        peer,
        received_before: 0,
        age: Age::new(),
        slot,
        _open: open,
    })
}

async fn http2(
    wire: Wire,
    peer: SocketAddr,
    slot: Option<Slot>,
    open: Open,
) -> Result<Multiplexed, SendError> {
    /// What all streams of a connection together may have on their way.
    const WINDOW: u32 = limits::ORIGIN_STREAM_WINDOW * limits::ORIGIN_STREAMS as u32;
    let seen = wire.seen();
    let (sender, mut driver) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(limits::ORIGIN_STREAM_WINDOW)
        .initial_connection_window_size(WINDOW)
        // Of heads beyond this h2 says no more than that they are wrong.
        .max_header_list_size(2 * limits::ORIGIN_BUFFER as u32)
        .handshake(TokioIo::new(wire))
        .await
        .map_err(|error| super::http2::classify(&error, &seen).0)?;
    let concurrency = Arc::new(AtomicUsize::new(limits::ORIGIN_STREAMS));
    let told = Arc::clone(&concurrency);
    tokio::spawn(async move {
        let driven = std::future::poll_fn(|cx| {
            told.store(driver.current_max_send_streams(), Ordering::Relaxed);
            std::pin::Pin::new(&mut driver).poll(cx)
        });
        if let Err(error) = driven.await {
            tracing::debug!(%peer, "HTTP/2 connection to an origin: {error}");
        }
    });
    Ok(Multiplexed {
        sender,
        seen,
        peer,
        opened: Instant::now(),
        concurrency,
        _slot: slot,
        _open: open,
    })
}
