//! Idle connections of one origin, kept for the next request.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::request::RequestBody;
use super::wire::Seen;
use crate::limits;

/// A connection on which one request at a time can be sent. Dropping it
/// closes it.
pub(super) struct Connection {
    pub(super) sender: SendRequest<RequestBody>,
    pub(super) seen: Arc<Seen>,
    pub(super) peer: SocketAddr,
    /// Bytes that belong to responses to earlier requests.
    pub(super) received_before: u64,
}

impl Connection {
    pub(super) fn new(sender: SendRequest<RequestBody>, seen: Arc<Seen>, peer: SocketAddr) -> Self {
        Self {
            sender,
            seen,
            peer,
            received_before: 0,
        }
    }
}

/// The idle connections of one origin; the one used last is used first, so
/// that those a burst left over grow old.
pub(super) struct Pool {
    idle: Mutex<Idle>,
    keep: Duration,
}

#[derive(Default)]
struct Idle {
    /// Ordered by `since`.
    connections: Vec<Parked>,
    /// A task will look for those that have grown old.
    reaping: bool,
}

struct Parked {
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// Keeps connections for `keep`; zero keeps none.
    pub(super) fn new(keep: Duration) -> Arc<Self> {
        Arc::new(Self {
            idle: Mutex::default(),
            keep,
        })
    }

    /// A connection that is ready for a request, as far as one can know.
    pub(super) fn take(&self, now: Instant) -> Option<Connection> {
        let mut gone = Vec::new();
        let mut idle = self.idle.lock();
        for at in (0..idle.connections.len()).rev() {
            let Some(parked) = idle.connections.get(at) else {
                break;
            };
            let sender = &parked.connection.sender;
            if sender.is_closed() || self.is_old(parked, now) {
                gone.push(idle.connections.remove(at));
            } else if sender.is_ready() {
                return Some(idle.connections.remove(at).connection);
            }
            // Neither: the last message is not quite over, often because the
            // request's body is still on its way.
        }
        None
    }

    fn is_old(&self, parked: &Parked, now: Instant) -> bool {
        now.duration_since(parked.since) >= self.keep
    }

    /// Gives back a connection whose response was read to its end.
    pub(super) fn put(self: &Arc<Self>, mut connection: Connection) {
        if self.keep.is_zero() || connection.sender.is_closed() {
            return;
        }
        connection.received_before = connection.seen.received();
        let since = Instant::now();
        let mut idle = self.idle.lock();
        let oldest = (idle.connections.len() >= limits::IDLE_CONNECTIONS)
            .then(|| idle.connections.remove(0));
        idle.connections.push(Parked { connection, since });
        let reaping = std::mem::replace(&mut idle.reaping, true);
        drop(idle);
        drop(oldest);
        if !reaping {
            Reaper::start(self, since);
        }
    }

    /// Closes what has grown old. Says when to look again, unless nothing is left.
    fn prune(&self) -> Option<Instant> {
        let mut idle = self.idle.lock();
        let now = Instant::now();
        let old = idle
            .connections
            .partition_point(|parked| self.is_old(parked, now));
        let gone: Vec<_> = idle.connections.drain(..old).collect();
        let next = idle
            .connections
            .first()
            .and_then(|oldest| oldest.since.checked_add(self.keep));
        idle.reaping = next.is_some();
        drop(idle);
        drop(gone);
        next
    }
}

/// The task that closes what has grown old. It ends when it finds no idle
/// connection, so there is none while nothing goes on.
struct Reaper {
    pool: Weak<Pool>,
    on_duty: bool,
}

impl Reaper {
    fn start(pool: &Arc<Pool>, since: Instant) {
        let reaper = Self {
            pool: Arc::downgrade(pool),
            on_duty: true,
        };
        let old_at = since.checked_add(pool.keep);
        // Without a runtime nobody drives the connections either.
        if let (Some(old_at), Ok(runtime)) = (old_at, tokio::runtime::Handle::try_current()) {
            runtime.spawn(reaper.run(old_at));
        }
    }

    async fn run(mut self, mut old_at: Instant) {
        loop {
            tokio::time::sleep_until(old_at).await;
            match self.pool.upgrade().map(|pool| pool.prune()) {
                Some(Some(next)) => old_at = next,
                // `prune` has signed this task off: another may have signed on.
                Some(None) | None => break self.on_duty = false,
            }
        }
    }
}

impl Drop for Reaper {
    /// Signs off if the task never ran, or its runtime ended before the pool.
    fn drop(&mut self) {
        if self.on_duty
            && let Some(pool) = self.pool.upgrade()
        {
            pool.idle.lock().reaping = false;
        }
    }
}
