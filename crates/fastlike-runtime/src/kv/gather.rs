//! Gathering a value before it is stored.

use bytes::Bytes;

use super::entry::too_large;
use super::error::KvError;
use crate::http::{Body, Budget, Charge};
use crate::limits;

/// From here on a value that is in one piece is kept as it is, with the
/// little more that its buffer may have; a smaller one gets its own size.
const WHOLE: usize = 64 * 1024;

/// Reads a body to its end, on the account of `budget` for as long as the
/// charge lives. One that is too long is not read any further.
pub(super) async fn gather(mut body: Body, budget: &Budget) -> Result<(Bytes, Charge), KvError> {
    let known = body.known_length();
    if known.is_some_and(|length| length > limits::KV_VALUE as u64) {
        return Err(too_large());
    }
    let known = known.and_then(|length| usize::try_from(length).ok());
    let mut charge = Charge::none_of(budget);
    let mut value = Vec::new();
    while let Some(piece) = body.read(usize::MAX).await {
        let piece = piece?;
        let length = value.len().saturating_add(piece.len());
        if length > limits::KV_VALUE {
            return Err(too_large());
        }
        charge.grow(piece.len() as u64)?;
        if value.is_empty() {
            if known == Some(piece.len()) && piece.len() >= WHOLE {
                return Ok((piece, charge));
            }
            value.reserve_exact(known.unwrap_or(0).max(piece.len()));
        }
        value.extend_from_slice(&piece);
    }
    value.shrink_to_fit();
    Ok((value.into(), charge))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{BodyError, channel};

    fn budget() -> Budget {
        Budget::new(2 * limits::KV_VALUE as u64)
    }

    #[tokio::test]
    async fn a_value_in_pieces_becomes_one_of_its_own_size() {
        let mut body = Body::empty();
        for piece in ["one ", "two ", "three"] {
            body.push_back(piece);
        }
        let (value, _) = gather(body, &budget()).await.expect("a value");
        assert_eq!(value, "one two three");
    }

    #[tokio::test]
    async fn a_value_may_have_25_mib_and_not_a_byte_more() {
        let at = Bytes::from(vec![7; limits::KV_VALUE]);
        let (value, _) = gather(at.clone().into(), &budget()).await.expect("fits");
        assert_eq!(value.len(), limits::KV_VALUE);
        assert_eq!(value.as_ptr(), at.as_ptr(), "a large value is not copied");

        let mut known = Body::from(at.clone());
        known.push_back("x");
        let (mut writer, unknown) = channel(Body::empty());
        let refused = gather(known, &budget()).await;
        assert_eq!(refused.expect_err("too long"), too_large());

        let write = async {
            let mut left = &at[..];
            while !left.is_empty() {
                let taken = writer.write(left).await?;
                left = &left[taken..];
            }
            writer.write(b"x").await.map(drop)
        };
        let budget = budget();
        let (wrote, read) = tokio::join!(write, gather(unknown, &budget));
        assert_eq!(read.expect_err("too long"), too_large());
        // The last byte may or may not have been taken.
        let _ = wrote;
    }

    #[tokio::test]
    async fn a_body_that_fails_is_no_value() {
        let (writer, body) = channel(Body::from("begun"));
        drop(writer);
        let error = gather(body, &budget()).await.expect_err("cut off");
        assert_eq!(error, KvError::Value(BodyError::Abandoned));
    }

    #[tokio::test]
    async fn what_is_gathered_at_a_time_is_limited() {
        let budget = Budget::new(10);
        let first = gather("12345678".into(), &budget).await.expect("fits");
        let second = gather("123".into(), &budget).await;
        assert_eq!(second.expect_err("no room"), KvError::Busy);
        drop(first);
        gather("123".into(), &budget).await.expect("room again");
    }
}
