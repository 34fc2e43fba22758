//! Writes that are under way.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::error::KvError;

/// What a write ends with: the generation that it wrote or deleted.
pub(crate) type Written = Result<u64, KvError>;

/// A write that was begun. It is done, whether or not this is waited for.
#[derive(Debug)]
pub(crate) enum PendingWrite {
    Done(Written),
    Waiting(oneshot::Receiver<Written>),
}

impl PendingWrite {
    /// Ready when the write is done.
    pub(crate) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Self::Waiting(receiver) = self {
            let Poll::Ready(told) = Pin::new(receiver).poll(cx) else {
                return Poll::Pending;
            };
            let gone = |_| Err(KvError::Storage("its writer is gone".to_owned()));
            *self = Self::Done(told.unwrap_or_else(gone));
        }
        Poll::Ready(())
    }

    /// Waits for the end and gives it.
    pub(crate) async fn finish(mut self) -> Written {
        std::future::poll_fn(|cx| self.poll_done(cx)).await;
        match self {
            Self::Done(written) => written,
            Self::Waiting(_) => Err(KvError::Storage("it did not end".to_owned())),
        }
    }
}
