//! The task that empties an endpoint's queue.

use std::sync::Arc;
use std::time::Duration;

use super::queue::Queue;
use super::sinks::{Failure, Progress, Sink};

/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long a target may take for a batch, until it is said to fail. A file's
/// write goes on then, and is what the next try waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long lines are tried to be delivered whose service is gone.
const LAST_TRIES: Duration = Duration::from_secs(10);

/// Delivers until the queue is closed and empty.
pub(super) async fn deliver(queue: Arc<Queue>, mut sink: Sink) {
    while let Some(lines) = queue.take().await {
        let mut rest = lines.as_slice();
        let mut pause = FIRST_PAUSE;
        while !rest.is_empty() {
            let mut progress = Progress::default();
            let sent = tokio::time::timeout(PATIENCE, sink.send(rest, &mut progress)).await;
            let sent = sent.unwrap_or_else(|_| {
                let why = format!("it took nothing for {} s", PATIENCE.as_secs());
                Err(Failure::Passing(why))
            });
            let settled = progress.delivered.saturating_add(progress.refused);
            rest = rest.get(settled..).unwrap_or_default();
            if progress.delivered > 0 {
                queue.deliver(progress.delivered as u64);
                pause = FIRST_PAUSE;
            }
            match sent {
                Ok(()) => queue.work(),
                Err(Failure::Final(why)) => queue.refuse(&why, progress.refused as u64),
                Err(Failure::Passing(why)) => {
                    sink.disconnect();
                    queue.fail(&why);
                    if queue.closed_for().is_some_and(|time| time > LAST_TRIES) {
                        queue.lose(rest.len() as u64);
                        sink.give_up();
                        break;
                    }
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}
