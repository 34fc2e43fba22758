//! A guest that runs: its future, within its wall time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::fastlike::Service;
use crate::meter::{Meter, Metered};
use crate::observe::Outcome;
use crate::pool::Permit;
use crate::reuse::Handoff;
use crate::run::{self, Ended};
use crate::sandbox::Sandbox;
use crate::serve::Alive;

/// A sandbox at work. A future, polled wherever its request is answered.
pub(crate) struct Guest {
    /// None when the run is over.
    run: Option<Pin<Box<dyn Future<Output = Ended> + Send>>>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) handoff: Arc<Handoff>,
    /// The server of its last request does not end before it.
    pub(crate) alive: Option<Alive>,
    wall: Wall,
}

/// The time that one request may take, without the time that a guest waits
/// for it.
struct Wall {
    limit: Duration,
    /// Requests taken when `spent` began to count.
    turn: u32,
    /// Time spent before `since`.
    spent: Duration,
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Guest {
    /// A guest that begins to run when it is first polled.
    pub(crate) fn new(service: Arc<Service>, permit: Permit, sandbox: Sandbox) -> Self {
        let session = &sandbox.session;
        let (meter, handoff) = (Arc::clone(&session.meter), Arc::clone(&session.handoff));
        let limit = session.world.limits.wall;
        let metered = Arc::clone(&meter);
        let run = async move {
            let linked = if permit.is_pooled() {
                service.program.pooled()
            } else {
                match service.program.on_demand(&service.engine) {
                    Ok(linked) => linked,
                    Err(error) => return Outcome::NotStarted(error.to_string()).into(),
                }
            };
            let ticker = Arc::clone(&service.engine.ticker);
            let ended = Metered::new(run::run(linked, sandbox), metered, ticker).await;
            drop(permit);
            ended
        };
        Self {
            run: Some(Box::pin(run)),
            meter,
            handoff,
            alive: None,
            wall: Wall {
                limit,
                turn: 0,
                spent: Duration::ZERO,
                since: None,
                timer: None,
            },
        }
    }
}

impl Future for Guest {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        let Some(run) = &mut self.run else {
            return Poll::Pending;
        };
        let ended = match run.as_mut().poll(cx) {
            Poll::Ready(ended) => ended,
            Poll::Pending => {
                let (turn, waits) = (self.handoff.turns(), self.handoff.is_blocked());
                ready!(self.wall.poll(cx, turn, waits));
                Outcome::WallLimit.into()
            }
        };
        // With it goes what it had not sent.
        self.run = None;
        Poll::Ready(ended)
    }
}

impl Wall {
    /// Ready when the request has taken too long. A guest that never waits
    /// needs no timer.
    fn poll(&mut self, cx: &mut Context<'_>, turn: u32, waits: bool) -> Poll<()> {
        let now = Instant::now();
        if self.turn != turn {
            (self.turn, self.spent, self.since) = (turn, Duration::ZERO, None);
            self.timer = None;
        }
        if waits {
            // The wait has a limit of its own.
            if let Some(since) = self.since.take() {
                let spent = now.saturating_duration_since(since);
                self.spent = self.spent.saturating_add(spent);
                self.timer = None;
            }
            return Poll::Pending;
        }
        let since = *self.since.get_or_insert(now);
        let left = self.limit.saturating_sub(self.spent);
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline(since, left))));
        timer.as_mut().poll(cx)
    }
}

/// The instant `left` after `since`; far away if that is beyond the clock.
fn deadline(since: Instant, left: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    since.checked_add(left).unwrap_or_else(|| since + FAR)
}
