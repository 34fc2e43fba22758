//! A batch of values: one JSON object a line.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fastlike_runtime::{Body, KvInsert, KvStore};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Problem, json as document, ok};
use crate::body::Lines;
use crate::limits;

/// A line of a batch.
#[derive(Debug, Deserialize)]
struct Item {
    key: String,
    /// In base64.
    value: String,
    #[serde(default)]
    metadata: Option<String>,
    #[serde(default)]
    time_to_live_sec: Option<u64>,
}

/// Stores the lines. Those that cannot be stored are counted, the first of
/// them are named, and the others are stored.
pub(super) async fn put(store: &KvStore, body: Body) -> Answer {
    let mut lines = Lines::new(body);
    let mut window = Window::default();
    let mut faults = Faults::default();
    let mut index = 0_usize;
    let read = loop {
        let line = match lines.next().await {
            Ok(Some(line)) => line,
            Ok(None) => break Ok(()),
            Err(problem) => break Err(problem),
        };
        if line.trim_ascii().is_empty() {
            continue;
        }
        while !window.has_room(line.len()) {
            faults.note(window.first_done().await);
        }
        let length = line.len();
        window
            .begin(length, stored(store.clone(), index, line))
            .await;
        index = index.saturating_add(1);
    };
    while !window.is_empty() {
        faults.note(window.first_done().await);
    }
    read?;
    faults.answer()
}

/// Stores a line, or says what is wrong with it.
async fn stored(store: KvStore, index: usize, line: Bytes) -> Result<(), Value> {
    let item: Item = serde_json::from_slice(&line).map_err(|error| {
        let detail = format!("the line is not the JSON expected: {error}");
        fault(index, None, &Problem::bad_request(detail))
    })?;
    // The value is not held twice.
    drop(line);
    let key = item.key.clone();
    let inserted = insert(&store, item).await;
    inserted.map_err(|problem| fault(index, Some(&key), &problem))
}

async fn insert(store: &KvStore, item: Item) -> Result<(), Problem> {
    let not_base64 = |error| Problem::bad_request(format!("the value is not base64: {error}"));
    let value = STANDARD.decode(item.value).map_err(not_base64)?;
    let options = KvInsert {
        metadata: item.metadata.map(Bytes::from).unwrap_or_default(),
        ttl: item.time_to_live_sec.map(Duration::from_secs),
        ..KvInsert::default()
    };
    store.insert(&item.key, value, options).await?;
    Ok(())
}

fn fault(index: usize, key: Option<&str>, problem: &Problem) -> Value {
    let code = problem.status.as_str();
    json!({ "index": index, "key": key, "code": code, "reason": problem.detail })
}

/// What was wrong with lines.
#[derive(Debug, Default)]
struct Faults {
    count: usize,
    first: Vec<Value>,
}

impl Faults {
    fn note(&mut self, done: Option<Result<(), Value>>) {
        let Some(Err(fault)) = done else { return };
        self.count = self.count.saturating_add(1);
        if self.first.len() < limits::BATCH_FAULTS {
            self.first.push(fault);
        }
    }

    fn answer(self) -> Answer {
        if self.count == 0 {
            return ok(&json!({ "type": "", "title": "success", "errors": [] }));
        }
        let mut title = format!("{} lines of the batch were not stored", self.count);
        if self.count > self.first.len() {
            title.push_str(&format!("; these are the first {}", self.first.len()));
        }
        let problem = json!({
            "type": "", "title": title, "msg": title, "detail": self.first.first(),
            "errors": self.first,
        });
        Ok(document(StatusCode::BAD_REQUEST, &problem))
    }
}

/// Lines that are being stored. The store waits for a disk for many of them
/// at once, so the next is begun before the last is done.
struct Window<T> {
    begun: VecDeque<Line<T>>,
    bytes: usize,
}

struct Line<T> {
    length: usize,
    work: Pin<Box<dyn Future<Output = T> + Send>>,
    done: Option<T>,
}

impl<T> Default for Window<T> {
    fn default() -> Self {
        Self {
            begun: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<T> Window<T> {
    fn is_empty(&self) -> bool {
        self.begun.is_empty()
    }

    /// Whether a line of this length can be begun. The first always can.
    fn has_room(&self, length: usize) -> bool {
        let fits = self.bytes.saturating_add(length) <= limits::BATCH_LINE;
        self.is_empty() || (fits && self.begun.len() < limits::BATCH_AT_A_TIME)
    }

    async fn begin(&mut self, length: usize, work: impl Future<Output = T> + Send + 'static) {
        self.bytes = self.bytes.saturating_add(length);
        self.begun.push_back(Line {
            length,
            work: Box::pin(work),
            done: None,
        });
        poll_fn(|cx| {
            self.poll(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// What came of the first line, when it is done; nothing if there is none.
    async fn first_done(&mut self) -> Option<T> {
        let done = poll_fn(|cx| {
            self.poll(cx);
            match self.begun.front_mut() {
                Some(Line { done: None, .. }) => Poll::Pending,
                Some(Line { done, .. }) => Poll::Ready(done.take()),
                None => Poll::Ready(None),
            }
        })
        .await;
        let first = self.begun.pop_front();
        let length = first.map_or(0, |line| line.length);
        self.bytes = self.bytes.saturating_sub(length);
        done
    }

    /// All in their order: where two lines have one key, the later one is to
    /// be stored later, even if neither found a place in the store's queue at
    /// first.
    fn poll(&mut self, cx: &mut Context<'_>) {
        for line in &mut self.begun {
            if line.done.is_none()
                && let Poll::Ready(done) = line.work.as_mut().poll(cx)
            {
                line.done = Some(done);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tokio::sync::Barrier;

    use super::*;

    #[tokio::test]
    async fn so_many_lines_are_begun_before_the_first_is_done_and_not_one_more() {
        let all = Arc::new(Barrier::new(limits::BATCH_AT_A_TIME));
        let mut window = Window::default();
        for n in 0..limits::BATCH_AT_A_TIME {
            assert!(window.has_room(1));
            let all = Arc::clone(&all);
            let work = async move {
                all.wait().await;
                n
            };
            window.begin(1, work).await;
        }
        assert!(!window.has_room(1));
        for n in 0..limits::BATCH_AT_A_TIME {
            assert_eq!(window.first_done().await, Some(n));
        }
        assert!(window.is_empty() && window.first_done().await.is_none());
    }

    #[tokio::test]
    async fn a_line_that_was_put_off_is_stored_before_those_that_were_begun_later() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut window = Window::default();
        let first = Arc::clone(&order);
        let work = async move {
            tokio::task::yield_now().await;
            first.lock().push(1);
        };
        window.begin(1, work).await;
        let second = Arc::clone(&order);
        window.begin(1, async move { second.lock().push(2) }).await;
        assert_eq!(*order.lock(), [1, 2]);
    }

    #[tokio::test]
    async fn lines_that_are_begun_are_together_as_long_as_one_may_be() {
        let mut window = Window::default();
        assert!(
            window.has_room(usize::MAX),
            "it is not the window's to refuse"
        );
        window.begin(limits::BATCH_LINE - 1, async {}).await;
        assert!(window.has_room(1) && !window.has_room(2));
        window.first_done().await;
        assert!(window.has_room(2));
    }
}
