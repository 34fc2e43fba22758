//! The thread that writes: what comes while a commit is under way goes into
//! the next one, so the disk is waited for once for many writes.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::{Base, Owner, Work};
use crate::http::Charge;
use crate::kv::clock::Millis;
use crate::kv::error::KvError;
use crate::kv::pending::{PendingWrite, Written};
use crate::limits;

/// Writes that one commit may take.
const BATCH: usize = 1_024;

/// Bytes after which a commit takes no more writes.
const BATCH_BYTES: usize = 32 * 1024 * 1024;

/// One write to be done.
pub(super) struct Job {
    pub(super) owner: Arc<Owner>,
    pub(super) key: String,
    pub(super) work: Work,
    pub(super) now: Millis,
    /// What the value counts as being written.
    pub(super) charge: Option<Charge>,
}

struct Queued {
    job: Job,
    reply: oneshot::Sender<Written>,
}

/// The thread's other end. Dropping it waits until all is written.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Queued>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(base: Arc<Base>) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::channel(limits::KV_WRITES);
        let thread = std::thread::Builder::new()
            .name("fastlike-kv".to_owned())
            .spawn(move || run(&base, jobs))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Queues a write; waits for nothing but a place in the queue.
    pub(super) async fn begin(&self, job: Job) -> PendingWrite {
        let (reply, done) = oneshot::channel();
        let sent = match &self.queue {
            Some(queue) => queue.send(Queued { job, reply }).await.is_ok(),
            None => false,
        };
        if sent {
            PendingWrite::Waiting(done)
        } else {
            PendingWrite::Done(Err(KvError::Storage("its writer is gone".to_owned())))
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // Its panic was told when it happened.
            let _ = thread.join();
        }
    }
}

fn run(base: &Base, mut jobs: mpsc::Receiver<Queued>) {
    while let Some(first) = jobs.blocking_recv() {
        let mut batch = vec![first];
        let mut bytes = 0usize;
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Ok(next) = jobs.try_recv() else { break };
            if let Work::Insert(write) = &next.job.work {
                bytes = bytes.saturating_add(write.value.len());
            }
            batch.push(next);
        }
        let (results, littered) = match commit(base, &batch) {
            Ok(committed) => committed,
            Err(error) => {
                tracing::error!("{} writes to KV stores failed: {error}", batch.len());
                (vec![Err(error); batch.len()], false)
            }
        };
        for (queued, result) in batch.into_iter().zip(results) {
            drop(queued.job.charge);
            // Whoever began it may not wait for it any more.
            let _ = queued.reply.send(result);
        }
        if littered {
            base.tidy(|| jobs.is_empty());
        }
    }
}

/// What became of each job, and whether there is something left to free.
fn commit(base: &Base, jobs: &[Queued]) -> Result<(Vec<Written>, bool), KvError> {
    let now = jobs.iter().map(|queued| queued.job.now).max();
    base.transact(|batch| {
        batch.sweep(now.unwrap_or_default())?;
        let mut results = Vec::with_capacity(jobs.len());
        for Queued { job, .. } in jobs {
            results.push(batch.apply(&job.owner, &job.key, &job.work, job.now)?);
        }
        Ok(Ok((results, batch.has_littered())))
    })
}
