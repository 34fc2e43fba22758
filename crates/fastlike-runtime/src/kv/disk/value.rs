//! Values that are read piece by piece.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use redb::ReadOnlyTable;

use super::record::PIECE;
use crate::http::BodyError;

/// The table of values, as it was when a reader began.
type Values = ReadOnlyTable<(u64, u32), &'static [u8]>;

/// One piece of a value.
pub(super) fn piece(values: &Values, value: u64, piece: u32) -> Result<Bytes, redb::Error> {
    match values.get_owned((value, piece))? {
        Some(row) => Ok(Bytes::copy_from_slice(row.value())),
        None => Err(redb::Error::Corrupted("a value is not whole".to_owned())),
    }
}

/// A value as a body. While it lives, the database keeps what it will read,
/// whatever is written meanwhile.
pub(super) struct Pieces {
    values: Values,
    value: u64,
    next: u32,
    left: u64,
}

impl Pieces {
    pub(super) fn new(values: Values, value: u64, length: u64) -> Self {
        Self {
            values,
            value,
            next: 0,
            left: length,
        }
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let piece = piece(&this.values, this.value, this.next)
            .map_err(|error| BodyError::Transport(error.to_string()))?;
        if piece.len() as u64 != this.left.min(PIECE as u64) {
            let why = "the database: a value is not whole".to_owned();
            return Poll::Ready(Some(Err(BodyError::Transport(why))));
        }
        this.left = this.left.saturating_sub(piece.len() as u64);
        this.next = this.next.saturating_add(1);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
