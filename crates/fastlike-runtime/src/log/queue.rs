//! The lines of an endpoint that wait for their delivery.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::endpoint::LogEndpoint;
use crate::limits;

/// Losses and faults of one endpoint are told once in this time.
const SAY: Duration = Duration::from_secs(10);

/// What became of the lines of a log endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogReport {
    /// The endpoint's name.
    pub endpoint: String,
    /// Where its lines go, to show.
    pub target: String,
    /// Lines that arrived there, as far as can be told.
    pub delivered: u64,
    /// Lines that were given up.
    pub lost: u64,
    /// Lines that wait, those on their way included.
    pub waiting: u64,
    /// Why the last delivery failed, until one succeeds.
    pub failing: Option<String>,
}

/// The lines of an endpoint. When there is no room the oldest go: what is kept
/// is what happened last.
#[derive(Debug)]
pub(super) struct Queue {
    endpoint: String,
    target: String,
    most_lines: usize,
    most_bytes: usize,
    state: Mutex<State>,
    /// There are lines, or never will be.
    more: Notify,
    /// Some lines are settled.
    settled: Notify,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Bytes>,
    bytes: usize,
    written: u64,
    delivered: u64,
    lost: u64,
    failing: Option<String>,
    /// Nobody writes any more, since then.
    closed: Option<Instant>,
    /// When a loss was last told, and how many there were then.
    told: Option<(Instant, u64)>,
}

impl State {
    fn settled(&self) -> u64 {
        self.delivered.saturating_add(self.lost)
    }
}

impl Queue {
    pub(super) fn new(endpoint: &str, settings: &LogEndpoint) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            target: settings.target.to_string(),
            most_lines: settings.queue_lines,
            most_bytes: settings.queue_bytes,
            state: Mutex::default(),
            more: Notify::new(),
            settled: Notify::new(),
        }
    }

    /// Adds a line. Never waits.
    pub(super) fn push(&self, line: Bytes) {
        let mut state = self.state.lock();
        state.written = state.written.saturating_add(1);
        state.bytes = state.bytes.saturating_add(line.len());
        state.lines.push_back(line);
        let mut lost = 0;
        while state.lines.len() > self.most_lines || state.bytes > self.most_bytes {
            let Some(oldest) = state.lines.pop_front() else {
                break;
            };
            state.bytes = state.bytes.saturating_sub(oldest.len());
            lost += 1;
        }
        drop(state);
        self.more.notify_one();
        if lost > 0 {
            self.lose(lost);
        }
    }

    /// The next lines, up to a batch; none when there will be no more.
    pub(super) async fn take(&self) -> Option<Vec<Bytes>> {
        loop {
            {
                let mut state = self.state.lock();
                let batch = batch(&mut state);
                if !batch.is_empty() {
                    return Some(batch);
                }
                if state.closed.is_some() {
                    return None;
                }
            }
            self.more.notified().await;
        }
    }

    /// So many lines have arrived.
    pub(super) fn deliver(&self, lines: u64) {
        let mut state = self.state.lock();
        state.delivered = state.delivered.saturating_add(lines);
        drop(state);
        self.settled.notify_waiters();
    }

    /// So many lines are given up.
    pub(super) fn lose(&self, lines: u64) {
        let mut state = self.state.lock();
        state.lost = state.lost.saturating_add(lines);
        let (now, before) = (Instant::now(), state.told);
        let silent = before.is_some_and(|(when, _)| now.duration_since(when) < SAY);
        let new = state.lost.saturating_sub(before.map_or(0, |told| told.1));
        if !silent {
            state.told = Some((now, state.lost));
        }
        let (total, why) = (state.lost, state.failing.clone());
        drop(state);
        self.settled.notify_waiters();
        if !silent {
            let why = why.unwrap_or_else(|| "it takes them too slowly".to_owned());
            let (endpoint, target) = (&self.endpoint, &self.target);
            tracing::warn!(
                "log endpoint {endpoint:?}: {new} lines for {target} were lost, {total} in all: {why}"
            );
        }
    }

    /// Lines are refused for good. That they are lost is said with the reason.
    pub(super) fn refuse(&self, why: &str, lines: u64) {
        self.state.lock().failing = Some(why.to_owned());
        self.lose(lines);
    }

    /// A delivery failed and will be tried again. Said when it begins.
    pub(super) fn fail(&self, why: &str) {
        let before = self.state.lock().failing.replace(why.to_owned());
        if before.is_none() {
            let (endpoint, target) = (&self.endpoint, &self.target);
            tracing::warn!(
                "log endpoint {endpoint:?} cannot reach {target}: {why}; it tries again"
            );
        }
    }

    /// A delivery succeeded.
    pub(super) fn work(&self) {
        if self.state.lock().failing.take().is_some() {
            let (endpoint, target) = (&self.endpoint, &self.target);
            tracing::info!("log endpoint {endpoint:?} reaches {target} again");
        }
    }

    /// Nobody writes any more: what is there is delivered, and that is all.
    pub(super) fn close(&self) {
        self.state.lock().closed.get_or_insert_with(Instant::now);
        self.more.notify_one();
    }

    /// How long ago it was closed.
    pub(super) fn closed_for(&self) -> Option<Duration> {
        Some(self.state.lock().closed?.elapsed())
    }

    /// Ends when all lines that were written so far have arrived or are lost.
    pub(super) async fn flushed(&self) {
        let written = self.state.lock().written;
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if self.state.lock().settled() >= written {
                return;
            }
            settled.await;
        }
    }

    pub(super) fn report(&self) -> LogReport {
        let state = self.state.lock();
        LogReport {
            endpoint: self.endpoint.clone(),
            target: self.target.clone(),
            delivered: state.delivered,
            lost: state.lost,
            waiting: state.written.saturating_sub(state.settled()),
            failing: state.failing.clone(),
        }
    }
}

fn batch(state: &mut State) -> Vec<Bytes> {
    let (mut batch, mut bytes) = (Vec::new(), 0usize);
    while batch.len() < limits::LOG_BATCH_LINES {
        let Some(line) = state.lines.front() else {
            break;
        };
        bytes = bytes.saturating_add(line.len());
        if bytes > limits::LOG_BATCH_BYTES && !batch.is_empty() {
            break;
        }
        state.bytes = state.bytes.saturating_sub(line.len());
        batch.extend(state.lines.pop_front());
    }
    batch
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::super::endpoint::LogTarget;
    use super::*;

    fn queue(lines: usize, bytes: usize) -> Queue {
        let mut settings = LogEndpoint::new(LogTarget::Tcp("localhost:1".to_owned()));
        settings.queue_lines = lines;
        settings.queue_bytes = bytes;
        Queue::new("e", &settings)
    }

    fn push(queue: &Queue, lines: &[&str]) {
        for line in lines {
            queue.push(Bytes::from((*line).to_owned()));
        }
    }

    #[tokio::test]
    async fn the_newest_stay_when_lines_or_bytes_are_too_many() {
        let few = queue(2, 1_000);
        push(&few, &["one", "two", "three"]);
        assert_eq!(few.take().await.expect("lines"), ["two", "three"]);
        let small = queue(1_000, 10);
        push(&small, &["12345", "67890"]);
        assert_eq!(small.report().lost, 0);
        push(&small, &["x"]);
        assert_eq!((small.report().lost, small.report().waiting), (1, 2));
        push(&small, &["longer than all"]);
        assert_eq!((small.report().lost, small.report().waiting), (4, 0));
    }

    #[tokio::test]
    async fn a_batch_has_so_many_lines_or_bytes_and_not_one_more() {
        let all = queue(usize::MAX, usize::MAX);
        for _ in 0..=limits::LOG_BATCH_LINES {
            push(&all, &["x"]);
        }
        assert_eq!(
            all.take().await.expect("lines").len(),
            limits::LOG_BATCH_LINES
        );
        assert_eq!(all.take().await.expect("lines").len(), 1);
        let half = "x".repeat(limits::LOG_BATCH_BYTES / 2);
        push(&all, &[&half, &half, "x"]);
        assert_eq!(all.take().await.expect("lines").len(), 2);
        let large = "x".repeat(limits::LOG_BATCH_BYTES + 1);
        push(&all, &[&large]);
        assert_eq!(all.take().await.expect("lines").len(), 1);
        assert_eq!(all.take().await.expect("lines").len(), 1);
    }

    #[tokio::test]
    async fn a_flush_waits_for_what_was_written_before_it() {
        let queue = queue(10, 1_000);
        push(&queue, &["one", "two"]);
        let mut flushed = std::pin::pin!(queue.flushed());
        assert!(flushed.as_mut().now_or_never().is_none());
        assert_eq!(queue.take().await.expect("lines").len(), 2);
        push(&queue, &["three"]);
        queue.deliver(1);
        assert!(flushed.as_mut().now_or_never().is_none());
        queue.lose(1);
        assert!(flushed.as_mut().now_or_never().is_some());
        queue.close();
        assert_eq!(queue.take().await.expect("lines").len(), 1);
        assert_eq!(queue.take().await, None);
    }

    #[test]
    fn an_endpoint_has_room_for_the_usual_number_of_lines_and_bytes() {
        let settings = LogEndpoint::new(LogTarget::Tcp(String::new()));
        assert_eq!(settings.queue_lines, limits::LOG_QUEUE_LINES);
        assert_eq!(settings.queue_bytes, limits::LOG_QUEUE_BYTES);
        let queue = Queue::new("e", &settings);
        for _ in 0..=limits::LOG_QUEUE_LINES {
            push(&queue, &["x"]);
        }
        assert_eq!(queue.report().lost, 1);
    }
}
