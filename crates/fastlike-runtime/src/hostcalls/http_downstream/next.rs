//! Further requests for a sandbox (ABI facts, section 9).

use std::sync::Arc;
use std::time::Duration;

use fastlike_abi::types::{BodyHandle, RequestHandle, RequestPromiseHandle};

use crate::error::{Error, Result};
use crate::session::{RequestPromise, Session};

/// Promises to take another request within `timeout`, at most the service's
/// own. When a limit is reached the promise is ready at once, and its wait
/// gives nothing.
pub(crate) fn next_request(
    session: &mut Session,
    timeout: Option<Duration>,
) -> Result<RequestPromiseHandle> {
    if let Some(promise) = session.promise
        && session.items.get::<RequestPromise>(promise).is_ok()
    {
        return Err(Error::Limit {
            what: "requests waited for at a time",
            max: 1,
        });
    }
    let limits = &session.world.limits;
    let longest = limits.reuse_wait;
    let more = session.handoff.turns() < limits.reuse_requests
        && session.born.elapsed() < limits.reuse_age
        && !session.is_worn();
    let handoff = Arc::clone(&session.handoff);
    let place = more.then(|| session.world.lot.reserve()).flatten();
    let promise = match place {
        Some(place) => {
            let timeout = timeout.unwrap_or(longest).min(longest);
            RequestPromise::new(handoff, place, timeout)
        }
        None => RequestPromise::hopeless(handoff),
    };
    let handle = session.items.insert(promise)?;
    session.promise = Some(handle);
    Ok(handle)
}

/// Waits for the request that was promised: none if there is to be no other.
/// The promise is consumed, unless the current request was not answered.
pub(crate) async fn next_request_wait(
    session: &mut Session,
    handle: RequestPromiseHandle,
) -> Result<(RequestHandle, BodyHandle)> {
    let answered = session.downstream.slot.is_used();
    let has_room = session.has_room();
    let promise = session.items.get::<RequestPromise>(handle)?;
    if !answered {
        return Err(Error::Unsupported(
            "waiting for a request before the current one is answered",
        ));
    }
    let blocked = promise.block(false);
    std::future::poll_fn(|cx| promise.poll_decided(cx)).await;
    drop(blocked);
    let promise = session.items.take::<RequestPromise>(handle)?;
    if !has_room {
        return Err(Error::Absent);
    }
    let delivery = promise.take().ok_or(Error::Absent)?;
    session.meter.begin_turn();
    session.turn(delivery)
}

/// Takes the promise back.
pub(crate) fn next_request_abandon(
    session: &mut Session,
    handle: RequestPromiseHandle,
) -> Result<()> {
    session.items.take::<RequestPromise>(handle).map(drop)
}
