//! Requests that are under way: waiting for them, and changes to the headers
//! of responses that are not there yet.

use fastlike_abi::types::{
    AsyncItemHandle, BodyHandle, PendingRequestHandle, PendingResponseKind, ResponseHandle,
};
use http::header::HeaderValue;

use crate::error::{Error, Result};
use crate::hostcalls::{headers, http_resp};
use crate::limits;
use crate::session::{ChangeTarget, HeaderChange, PendingRequest, Session};

type Received = (ResponseHandle, BodyHandle);

/// Waits for the response; the handle is consumed.
pub(crate) async fn wait(session: &mut Session, handle: PendingRequestHandle) -> Result<Received> {
    let pending = session.items.take::<PendingRequest>(handle)?;
    let plan = pending.plan;
    http_resp::received(session, pending.finish().await, plan)
}

/// The response if it is there; the handle is consumed then.
pub(crate) fn poll(
    session: &mut Session,
    handle: PendingRequestHandle,
) -> Result<Option<Received>> {
    session.items.get::<PendingRequest>(handle)?;
    if !session
        .items
        .is_ready(AsyncItemHandle::from(u32::from(handle)))?
    {
        return Ok(None);
    }
    let pending = session.items.take::<PendingRequest>(handle)?;
    let plan = pending.plan;
    let result = pending.finished();
    http_resp::received(session, result, plan).map(Some)
}

/// Waits for the first response of several. The winner's handle is consumed;
/// its own failure is no failure of the call.
pub(crate) async fn select(
    session: &mut Session,
    handles: &[PendingRequestHandle],
) -> Result<(u32, Result<Received>)> {
    if handles.is_empty() {
        return Err(Error::Invalid("select of nothing"));
    }
    let mut items = Vec::with_capacity(handles.len());
    for handle in handles {
        session.items.get::<PendingRequest>(*handle)?;
        items.push(AsyncItemHandle::from(u32::from(*handle)));
    }
    let position = session
        .items
        .select(&items, None, false)
        .await?
        .unwrap_or(0);
    let winner = *handles
        .get(position)
        .ok_or(Error::Unspecified("select found nothing"))?;
    let received = wait(session, winner).await;
    Ok((u32::try_from(position).unwrap_or(u32::MAX), received))
}

pub(crate) fn header_insert(
    session: &mut Session,
    handle: PendingRequestHandle,
    name: &[u8],
    value: &[u8],
    target: PendingResponseKind,
) -> Result<()> {
    let change = HeaderChange::Insert(headers::name(name)?, header_value(value)?);
    change_header(session, handle, target, change)
}

pub(crate) fn header_append(
    session: &mut Session,
    handle: PendingRequestHandle,
    name: &[u8],
    value: &[u8],
    target: PendingResponseKind,
) -> Result<()> {
    let change = HeaderChange::Append(headers::name(name)?, header_value(value)?);
    change_header(session, handle, target, change)
}

/// Removing a header that the response turns out not to have is fine.
pub(crate) fn header_remove(
    session: &mut Session,
    handle: PendingRequestHandle,
    name: &[u8],
    target: PendingResponseKind,
) -> Result<()> {
    let change = HeaderChange::Remove(headers::name(name)?);
    change_header(session, handle, target, change)
}

fn header_value(raw: &[u8]) -> Result<HeaderValue> {
    HeaderValue::from_bytes(raw).map_err(|_| Error::Invalid("header value"))
}

fn change_header(
    session: &mut Session,
    handle: PendingRequestHandle,
    target: PendingResponseKind,
    change: HeaderChange,
) -> Result<()> {
    let pending = session.items.get::<PendingRequest>(handle)?;
    if pending.changes() >= limits::PENDING_CHANGES {
        return Err(Error::Limit {
            what: "header changes of a pending request",
            max: limits::PENDING_CHANGES as u64,
        });
    }
    let target = match target {
        PendingResponseKind::Any => ChangeTarget::Any,
        PendingResponseKind::Response => ChangeTarget::Response,
        PendingResponseKind::Error => ChangeTarget::Error,
    };
    pending.change(target, change);
    Ok(())
}
