//! Values that are read piece by piece.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use redb::ReadTransaction;

use super::file::File;
use super::readers::Reader;
use super::record::{PIECE, VALUES};
use crate::http::BodyError;

/// One piece of a value.
pub(super) fn piece(
    transaction: &ReadTransaction,
    value: u64,
    piece: u32,
) -> Result<Bytes, redb::Error> {
    match transaction.open_table(VALUES)?.get((value, piece))? {
        Some(row) => Ok(Bytes::copy_from_slice(row.value())),
        None => Err(redb::Error::Corrupted("a value is not whole".to_owned())),
    }
}

/// A value as a body. Each piece is read when its turn comes; until the last
/// one none of them is freed.
pub(super) struct Pieces {
    file: Arc<File>,
    value: u64,
    next: u32,
    left: u64,
    _reader: Reader,
}

impl Pieces {
    pub(super) fn new(file: &Arc<File>, reader: Reader, value: u64, length: u64) -> Self {
        Self {
            file: Arc::clone(file),
            value,
            next: 0,
            left: length,
            _reader: reader,
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
        let wanted = usize::try_from(this.left).unwrap_or(PIECE).min(PIECE);
        let mut piece = this
            .file
            .read(|transaction| piece(transaction, this.value, this.next))
            .map_err(|error| BodyError::Transport(error.to_string()))?;
        if piece.len() < wanted {
            let why = "the database: a value is not whole".to_owned();
            return Poll::Ready(Some(Err(BodyError::Transport(why))));
        }
        // Somebody may have written on.
        piece.truncate(wanted);
        this.left = this.left.saturating_sub(wanted as u64);
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
