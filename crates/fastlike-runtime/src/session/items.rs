//! Everything a guest can wait for, in one number space.
//!
//! `async_io.select` takes bare numbers, so bodies, write ends, pending
//! requests and KV operations share one table (ABI facts, section 3).

use std::collections::HashSet;
use std::task::{Context, Poll};
use std::time::Duration;

use fastlike_abi::handle::Handle;
use fastlike_abi::types::{
    AsyncItemHandle, BodyHandle, PendingRequestHandle, RequestPromiseHandle,
};

use super::arena::HandleArena;
use super::kv::KvItem;
use super::pending::PendingRequest;
use super::promise::RequestPromise;
use crate::error::{Error, Result};
use crate::http::{Body, StreamWriter};
use crate::limits;
use crate::reuse::Blocked;

/// Handles among which the same one is found faster without a set.
const FEW: usize = 16;

/// Something with a handle that can be waited for.
#[derive(Debug)]
pub(crate) enum AnyItem {
    Body(Body),
    Writer(StreamWriter),
    PendingRequest(PendingRequest),
    RequestPromise(RequestPromise),
    Kv(KvItem),
}

/// One kind of [`AnyItem`], under its own handle type.
pub(crate) trait Item: Sized {
    type Handle: Handle;
    const KIND: &'static str;
    fn into_any(self) -> AnyItem;
    fn of(any: &mut AnyItem) -> Option<&mut Self>;
    #[expect(clippy::result_large_err, reason = "it is moved right back")]
    fn from_any(any: AnyItem) -> Result<Self, AnyItem>;
}

macro_rules! item {
    ($type:ty, $variant:ident, $handle:ty, $kind:literal) => {
        impl Item for $type {
            type Handle = $handle;
            const KIND: &'static str = $kind;

            fn into_any(self) -> AnyItem {
                AnyItem::$variant(self)
            }

            fn of(any: &mut AnyItem) -> Option<&mut Self> {
                match any {
                    AnyItem::$variant(item) => Some(item),
                    _ => None,
                }
            }

            fn from_any(any: AnyItem) -> Result<Self, AnyItem> {
                match any {
                    AnyItem::$variant(item) => Ok(item),
                    other => Err(other),
                }
            }
        }
    };
}

item!(Body, Body, BodyHandle, "body");
item!(StreamWriter, Writer, BodyHandle, "streaming body");
item!(
    PendingRequest,
    PendingRequest,
    PendingRequestHandle,
    "pending request"
);
item!(
    RequestPromise,
    RequestPromise,
    RequestPromiseHandle,
    "request promise"
);

/// The table of [`AnyItem`]s.
#[derive(Debug)]
pub(crate) struct AsyncItems(HandleArena<AsyncItemHandle, AnyItem>);

impl AsyncItems {
    pub(crate) fn new() -> Self {
        Self(HandleArena::new("async item", limits::ASYNC_ITEMS))
    }

    /// How many handles were given out, and how many can be.
    pub(crate) fn usage(&self) -> (usize, usize) {
        self.0.usage()
    }

    pub(crate) fn insert<I: Item>(&mut self, item: I) -> Result<I::Handle> {
        let handle = self.0.insert(item.into_any())?;
        Ok(I::Handle::from(handle.number()))
    }

    pub(crate) fn get<I: Item>(&mut self, handle: I::Handle) -> Result<&mut I> {
        let bad = Error::BadHandle {
            kind: I::KIND,
            handle: handle.number(),
        };
        match self.0.get_mut(AsyncItemHandle::from(handle.number())) {
            Ok(any) => I::of(any).ok_or(bad),
            Err(_) => Err(bad),
        }
    }

    /// Whatever the handle names.
    pub(crate) fn any(&mut self, handle: impl Handle) -> Result<&mut AnyItem> {
        self.0.get_mut(AsyncItemHandle::from(handle.number()))
    }

    /// Takes the item out; a handle of another kind keeps its item.
    pub(crate) fn take<I: Item>(&mut self, handle: I::Handle) -> Result<I> {
        let slot = AsyncItemHandle::from(handle.number());
        let bad = Error::BadHandle {
            kind: I::KIND,
            handle: handle.number(),
        };
        let Ok(any) = self.0.take(slot) else {
            return Err(bad);
        };
        I::from_any(any).map_err(|other| {
            self.0.put_back(slot, other);
            bad
        })
    }

    /// Takes whatever the handle names.
    pub(crate) fn take_any(&mut self, handle: impl Handle) -> Result<AnyItem> {
        self.0.take(AsyncItemHandle::from(handle.number()))
    }

    /// Puts another item under a handle whose item was taken: a body that
    /// becomes its own write end keeps its number.
    pub(crate) fn put_back<I: Item>(&mut self, handle: I::Handle, item: I) {
        self.0
            .put_back(AsyncItemHandle::from(handle.number()), item.into_any());
    }

    /// True when waiting for the item would not wait.
    pub(crate) fn is_ready(&mut self, handle: AsyncItemHandle) -> Result<bool> {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let item = self.0.get_mut(handle)?;
        let ready = item.poll_ready(&mut cx).is_ready();
        if let AnyItem::RequestPromise(promise) = item
            && !ready
        {
            promise.ask();
        }
        Ok(ready)
    }

    /// The position of the first item that is ready; `None` when `timeout`
    /// passes first. A bad handle, or one that is there twice, fails the call
    /// and disturbs nothing. With `may_park`, the guest can be given its next
    /// request meanwhile.
    pub(crate) async fn select(
        &mut self,
        handles: &[AsyncItemHandle],
        timeout: Option<Duration>,
        may_park: bool,
    ) -> Result<Option<usize>> {
        let _blocked = self.check(handles, may_park)?;
        let ready = std::future::poll_fn(|cx| {
            for (position, handle) in handles.iter().enumerate() {
                if let Ok(item) = self.0.get_mut(*handle)
                    && item.poll_ready(cx).is_ready()
                {
                    return Poll::Ready(position);
                }
            }
            Poll::Pending
        });
        match timeout {
            None => Ok(Some(ready.await)),
            Some(timeout) => Ok(tokio::time::timeout(timeout, ready).await.ok()),
        }
    }

    /// The handles of a select: all valid, none twice.
    fn check(&self, handles: &[AsyncItemHandle], may_park: bool) -> Result<Option<Blocked>> {
        let mut blocked = None;
        let mut seen = HashSet::new();
        for (position, handle) in handles.iter().enumerate() {
            let item = self.0.get(*handle)?;
            if let AnyItem::RequestPromise(promise) = item
                && may_park
            {
                blocked = Some(promise.block(true));
            }
            let earlier = handles.get(..position).unwrap_or_default();
            let twice = if handles.len() <= FEW {
                earlier
                    .iter()
                    .any(|other| other.number() == handle.number())
            } else {
                !seen.insert(handle.number())
            };
            if twice {
                return Err(Error::BadHandle {
                    kind: "async item that was not named before",
                    handle: handle.number(),
                });
            }
        }
        Ok(blocked)
    }
}

impl AnyItem {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Body(body) => body.poll_readable(cx),
            Self::Writer(writer) => writer.poll_writable(cx),
            Self::PendingRequest(pending) => pending.poll_done(cx),
            Self::RequestPromise(promise) => promise.poll_decided(cx),
            Self::Kv(item) => item.poll_done(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::channel;

    #[tokio::test(start_paused = true)]
    async fn select_gives_the_first_that_is_ready_and_consumes_nothing() {
        let mut items = AsyncItems::new();
        let (_writer, waiting) = channel(Body::empty());
        let waiting = items.insert(waiting).expect("room");
        let data = items.insert(Body::from("data")).expect("room");
        let both = [waiting, data].map(|h| AsyncItemHandle::from(h.number()));
        assert!(!items.is_ready(both[0]).expect("valid"));
        for _ in 0..2 {
            assert_eq!(
                items.select(&both, None, false).await.expect("valid"),
                Some(1)
            );
        }
        let timed_out = items
            .select(&both[..1], Some(Duration::from_millis(5)), false)
            .await;
        assert_eq!(timed_out.expect("valid"), None);
    }

    #[test]
    fn a_handle_of_another_kind_is_refused_and_keeps_its_item() {
        let mut items = AsyncItems::new();
        let body = items.insert(Body::from("data")).expect("room");
        assert!(items.take::<StreamWriter>(body).is_err());
        assert!(items.take::<Body>(body).is_ok());
        assert!(items.take::<Body>(body).is_err());
    }
}
