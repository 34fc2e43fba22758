//! Connections of one origin, kept for further requests.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Waker};
use std::time::Duration;

use hyper::client::conn::{http1, http2};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::limit::{Limit, Slot};
use super::request::RequestBody;
use super::wire::Seen;
use crate::backend::Connections;
use crate::limits;

/// An HTTP/1.1 connection, on which one request at a time can be sent.
/// Dropping it closes it.
pub(super) struct Connection {
    pub(super) sender: http1::SendRequest<RequestBody>,
    pub(super) seen: Arc<Seen>,
    pub(super) peer: SocketAddr,
    /// Bytes that belong to responses to earlier requests.
    pub(super) received_before: u64,
    pub(super) age: Age,
    pub(super) slot: Option<Slot>,
    pub(super) _open: Open,
}

/// An HTTP/2 connection, on which many requests can be sent at a time.
pub(super) struct Multiplexed {
    pub(super) sender: http2::SendRequest<RequestBody>,
    pub(super) seen: Arc<Seen>,
    pub(super) peer: SocketAddr,
    pub(super) opened: Instant,
    /// Requests that the origin takes at a time.
    pub(super) concurrency: Arc<AtomicUsize>,
    pub(super) _slot: Option<Slot>,
    pub(super) _open: Open,
}

/// Counts a connection while there is one.
pub(super) struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How much of its life a connection has behind it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Age {
    opened: Instant,
    /// Requests that were sent on it.
    uses: u32,
}

impl Age {
    pub(super) fn new() -> Self {
        Self {
            opened: Instant::now(),
            uses: 1,
        }
    }
}

/// What one request has of a connection.
pub(super) enum Lease {
    Whole(Connection),
    Stream(Stream),
}

impl Lease {
    pub(super) fn peer(&self) -> SocketAddr {
        match self {
            Self::Whole(connection) => connection.peer,
            Self::Stream(stream) => stream.connection.peer,
        }
    }

    pub(super) fn seen(&self) -> &Seen {
        match self {
            Self::Whole(connection) => &connection.seen,
            Self::Stream(stream) => &stream.connection.seen,
        }
    }
}

/// One request's part of a shared connection.
pub(super) struct Stream {
    pub(super) connection: Arc<Multiplexed>,
    pub(super) reused: bool,
    pool: Arc<Pool>,
}

impl Stream {
    /// Sends no further request on this connection.
    pub(super) fn retire(&self) {
        self.pool.retire(&self.connection);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.pool.leave(&self.connection);
    }
}

/// How long connections are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Without a request; zero keeps none.
    pub(super) keep: Duration,
    /// Requests on one connection; zero is any number.
    pub(super) max_use: u32,
    /// From a connection's beginning; zero is for ever.
    pub(super) max_lifetime: Duration,
}

/// The connections of one origin. Of the idle ones, the one used last is used
/// first, so that those a burst left over grow old.
pub(super) struct Pool {
    state: Mutex<State>,
    rules: Rules,
    pub(super) limit: Option<Arc<Limit>>,
    open: Arc<AtomicUsize>,
}

#[derive(Default)]
struct State {
    /// Ordered by `since`.
    idle: Vec<Parked>,
    shared: Vec<Shared>,
    /// A task will look for those that have grown old.
    reaping: bool,
}

struct Parked {
    connection: Connection,
    since: Instant,
}

struct Shared {
    connection: Arc<Multiplexed>,
    streams: usize,
    uses: u32,
    /// When the last stream ended.
    since: Instant,
}

impl Pool {
    pub(super) fn new(rules: Rules, limit: Option<Arc<Limit>>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            rules,
            limit,
            open: Arc::default(),
        })
    }

    /// To be kept with a new connection.
    pub(super) fn opened(&self) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(&self.open))
    }

    /// How many connections there are, and how many of them are idle.
    pub(super) fn connections(&self) -> Connections {
        let state = self.state.lock();
        let unused = state.shared.iter().filter(|shared| shared.streams == 0);
        Connections {
            open: self.open.load(Ordering::Relaxed),
            idle: state.idle.len().saturating_add(unused.count()),
        }
    }

    /// Whether connections are used more than once.
    pub(super) fn keeps(&self) -> bool {
        !self.rules.keep.is_zero()
    }

    /// A connection that is ready for a request, as far as one can know.
    pub(super) fn take(self: &Arc<Self>, now: Instant) -> Option<Lease> {
        let mut gone = Vec::new();
        let mut state = self.state.lock();
        let stream = self.join(&mut state, now, false);
        if stream.is_some() {
            return stream.map(Lease::Stream);
        }
        for at in (0..state.idle.len()).rev() {
            let Some(parked) = state.idle.get_mut(at) else {
                break;
            };
            if parked.connection.sender.is_closed() || self.is_old(parked, now) {
                gone.push(state.idle.remove(at));
            } else if parked.connection.sender.is_ready() {
                let mut connection = state.idle.remove(at).connection;
                connection.age.uses = connection.age.uses.saturating_add(1);
                return Some(Lease::Whole(connection));
            } else if let Some(limit) = &self.limit {
                // The last message is not quite over, often because the
                // request's body is still on its way. Who waits for a
                // connection is told when it is.
                let waker = Waker::from(Arc::clone(limit));
                let over = parked
                    .connection
                    .sender
                    .poll_ready(&mut Context::from_waker(&waker));
                if over.is_ready() {
                    limit.tell();
                }
            }
        }
        None
    }

    /// A part of a shared connection, even of one that is as busy as it should be.
    pub(super) fn squeeze_in(self: &Arc<Self>) -> Option<Stream> {
        self.join(&mut self.state.lock(), Instant::now(), true)
    }

    fn join(self: &Arc<Self>, state: &mut State, now: Instant, busy: bool) -> Option<Stream> {
        state
            .shared
            .retain(|shared| !shared.connection.sender.is_closed());
        let usable = state.shared.iter_mut().filter(|shared| {
            let age = Age {
                opened: shared.connection.opened,
                uses: shared.uses,
            };
            let room = shared.connection.concurrency.load(Ordering::Relaxed);
            !self.is_spent(age, now) && (busy || shared.streams < room.min(limits::ORIGIN_STREAMS))
        });
        let shared = usable.min_by_key(|shared| shared.streams)?;
        shared.streams = shared.streams.saturating_add(1);
        shared.uses = shared.uses.saturating_add(1);
        Some(Stream {
            connection: Arc::clone(&shared.connection),
            reused: true,
            pool: Arc::clone(self),
        })
    }

    /// Shares a new connection, and gives the first part of it.
    pub(super) fn share(self: &Arc<Self>, connection: Multiplexed) -> Stream {
        let connection = Arc::new(connection);
        if self.keeps() {
            self.state.lock().shared.push(Shared {
                connection: Arc::clone(&connection),
                streams: 1,
                uses: 1,
                since: Instant::now(),
            });
            // Those who wait for a connection can share this one.
            self.tell();
        }
        Stream {
            connection,
            reused: false,
            pool: Arc::clone(self),
        }
    }

    fn retire(&self, connection: &Arc<Multiplexed>) {
        let mut state = self.state.lock();
        state
            .shared
            .retain(|shared| !Arc::ptr_eq(&shared.connection, connection));
    }

    /// One request on a shared connection is over.
    fn leave(self: &Arc<Self>, connection: &Arc<Multiplexed>) {
        let since = Instant::now();
        let mut state = self.state.lock();
        let shared = state
            .shared
            .iter_mut()
            .find(|shared| Arc::ptr_eq(&shared.connection, connection));
        let Some(shared) = shared else {
            return;
        };
        shared.streams = shared.streams.saturating_sub(1);
        shared.since = since;
        self.watch(state, since);
        self.tell();
    }

    fn is_old(&self, parked: &Parked, now: Instant) -> bool {
        now.duration_since(parked.since) >= self.rules.keep
            || self.has_lived(parked.connection.age.opened, now)
    }

    fn has_lived(&self, opened: Instant, now: Instant) -> bool {
        let most = self.rules.max_lifetime;
        !most.is_zero() && now.duration_since(opened) >= most
    }

    /// No further request may be sent.
    fn is_spent(&self, age: Age, now: Instant) -> bool {
        let most = self.rules.max_use;
        most != 0 && age.uses >= most || self.has_lived(age.opened, now)
    }

    /// Gives back a connection whose response was read to its end.
    pub(super) fn put(self: &Arc<Self>, mut connection: Connection) {
        let since = Instant::now();
        if !self.keeps() || connection.sender.is_closed() || self.is_spent(connection.age, since) {
            return;
        }
        connection.received_before = connection.seen.received();
        let mut state = self.state.lock();
        let oldest = (state.idle.len() >= limits::IDLE_CONNECTIONS).then(|| state.idle.remove(0));
        state.idle.push(Parked { connection, since });
        self.watch(state, since);
        drop(oldest);
        self.tell();
    }

    /// Closes a connection that is idle, of those that are not shared the one
    /// that has been so for longest; false if none is.
    pub(super) fn close_idle(&self) -> bool {
        let mut state = self.state.lock();
        let oldest = (!state.idle.is_empty()).then(|| state.idle.remove(0));
        let unused = match &oldest {
            Some(_) => None,
            None => {
                let shared = &mut state.shared;
                let unused = shared.iter().position(|shared| shared.streams == 0);
                unused.map(|at| shared.remove(at))
            }
        };
        drop(state);
        oldest.is_some() || unused.is_some()
    }

    fn tell(&self) {
        if let Some(limit) = &self.limit {
            limit.tell();
        }
    }

    /// Has a task close what grows old.
    fn watch(self: &Arc<Self>, mut state: parking_lot::MutexGuard<'_, State>, since: Instant) {
        let reaping = std::mem::replace(&mut state.reaping, true);
        drop(state);
        if !reaping {
            Reaper::start(self, since);
        }
    }

    /// Closes what has grown old. Says when to look again, unless nothing is left.
    fn prune(&self) -> Option<Instant> {
        let mut state = self.state.lock();
        let now = Instant::now();
        let keep = self.rules.keep;
        let old = state
            .idle
            .partition_point(|parked| now.duration_since(parked.since) >= keep);
        let gone: Vec<_> = state.idle.drain(..old).collect();
        let is_old =
            |shared: &mut Shared| shared.streams == 0 && now.duration_since(shared.since) >= keep;
        let also_gone: Vec<_> = state.shared.extract_if(.., is_old).collect();
        let shared = state.shared.iter().filter(|shared| shared.streams == 0);
        let next = state
            .idle
            .first()
            .map(|oldest| oldest.since)
            .into_iter()
            .chain(shared.map(|shared| shared.since))
            .min()
            .and_then(|since| since.checked_add(keep));
        state.reaping = next.is_some();
        drop(state);
        drop((gone, also_gone));
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
        let old_at = since.checked_add(pool.rules.keep);
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
            pool.state.lock().reaping = false;
        }
    }
}
