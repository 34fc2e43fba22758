//! `fastly_http_body`: reading and writing bodies.

mod witx;

use bytes::Bytes;
use fastlike_abi::types::BodyHandle;
use http::HeaderMap;

use crate::error::{Error, Result};
use crate::http::{Body, NotAppended, Undelivered};
use crate::limits;
use crate::session::{AnyItem, Session};

/// Which end of a body a write goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Back,
    Front,
}

impl From<NotAppended> for Error {
    fn from(why: NotAppended) -> Self {
        match why {
            NotAppended::Undelivered => Self::PeerGone,
            NotAppended::Nested => Self::Limit {
                what: "streaming bodies within a streaming body",
                max: limits::STREAM_NESTING as u64,
            },
        }
    }
}

impl From<Undelivered> for Error {
    fn from(Undelivered: Undelivered) -> Self {
        Self::PeerGone
    }
}

/// A new, empty body.
pub(crate) fn new(session: &mut Session) -> Result<BodyHandle> {
    session.items.insert(Body::empty())
}

/// Moves `src` to the end of `dest`; `src` is consumed. Waits while a
/// streaming `dest` is full.
pub(crate) async fn append(session: &mut Session, dest: BodyHandle, src: BodyHandle) -> Result<()> {
    let source = session.items.take::<Body>(src)?;
    match session.items.any(dest)? {
        AnyItem::Body(body) => body.append(source),
        AnyItem::Writer(writer) => writer.append(source).await?,
        AnyItem::PendingRequest(_) | AnyItem::RequestPromise(_) | AnyItem::Kv(_) => {
            return Err(not_a_body(dest));
        }
    }
    Ok(())
}

/// Between 1 and `max` bytes as soon as there are any; none at the end.
pub(crate) async fn read(session: &mut Session, handle: BodyHandle, max: usize) -> Result<Bytes> {
    let body = session.items.get::<Body>(handle)?;
    if max == 0 {
        return Ok(Bytes::new());
    }
    match body.read(max).await {
        Some(chunk) => Ok(chunk?),
        None => Ok(Bytes::new()),
    }
}

/// Copies `data` into the body and says how much was taken: all of it for a
/// plain body, some for a streaming one, which can only be written at its back.
pub(crate) async fn write(
    session: &mut Session,
    handle: BodyHandle,
    data: &[u8],
    end: End,
) -> Result<usize> {
    let budget = session.budget.clone();
    match session.items.any(handle)? {
        AnyItem::Body(body) => {
            match end {
                End::Back => body.write_back(data, &budget)?,
                End::Front => body.write_front(data, &budget)?,
            }
            Ok(data.len())
        }
        AnyItem::Writer(writer) if end == End::Back => Ok(writer.write(data).await?),
        AnyItem::Writer(_)
        | AnyItem::PendingRequest(_)
        | AnyItem::RequestPromise(_)
        | AnyItem::Kv(_) => Err(not_a_body(handle)),
    }
}

/// Ends a streaming body as complete; frees any other.
pub(crate) fn close(session: &mut Session, handle: BodyHandle) -> Result<()> {
    match take_any(session, handle)? {
        AnyItem::Writer(writer) => writer.finish(),
        AnyItem::Body(body) => session.closed_body(handle, body),
        other => drop(other),
    }
    Ok(())
}

/// Ends a streaming body as truncated; frees any other.
pub(crate) fn abandon(session: &mut Session, handle: BodyHandle) -> Result<()> {
    take_any(session, handle).map(drop)
}

fn take_any(session: &mut Session, handle: BodyHandle) -> Result<AnyItem> {
    if !matches!(
        session.items.any(handle)?,
        AnyItem::Body(_) | AnyItem::Writer(_)
    ) {
        return Err(not_a_body(handle));
    }
    session.items.take_any(handle)
}

/// The exact number of bytes that are left, if it is known.
pub(crate) fn known_length(session: &mut Session, handle: BodyHandle) -> Result<u64> {
    match session.items.any(handle)? {
        AnyItem::Body(body) => body.known_length().ok_or(Error::Absent),
        AnyItem::Writer(_) => Err(Error::Absent),
        AnyItem::PendingRequest(_) | AnyItem::RequestPromise(_) | AnyItem::Kv(_) => {
            Err(not_a_body(handle))
        }
    }
}

/// The trailers to be sent with the body.
pub(crate) fn trailers_mut(session: &mut Session, handle: BodyHandle) -> Result<&mut HeaderMap> {
    match session.items.any(handle)? {
        AnyItem::Body(body) => Ok(body.trailers_mut()),
        AnyItem::Writer(writer) => Ok(writer.trailers_mut()),
        AnyItem::PendingRequest(_) | AnyItem::RequestPromise(_) | AnyItem::Kv(_) => {
            Err(not_a_body(handle))
        }
    }
}

/// The trailers that came with the body: `again` before it was read to its
/// end, `inval` for a write end.
pub(crate) fn trailers(session: &mut Session, handle: BodyHandle) -> Result<&HeaderMap> {
    match session.items.any(handle)? {
        AnyItem::Body(body) => body.trailers().ok_or(Error::Again),
        AnyItem::Writer(_) => Err(Error::Invalid("trailers of a write end")),
        AnyItem::PendingRequest(_) | AnyItem::RequestPromise(_) | AnyItem::Kv(_) => {
            Err(not_a_body(handle))
        }
    }
}

fn not_a_body(handle: BodyHandle) -> Error {
    Error::BadHandle {
        kind: "body that can do this",
        handle: handle.into(),
    }
}
