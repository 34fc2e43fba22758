//! How the database is laid out.

use bytes::Bytes;
use redb::TableDefinition;

use crate::kv::entry::Meta;

/// Numbers: [`GENERATION`], [`USED`], [`LAST_STORE`].
pub(super) const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");

/// The generation of the last write.
pub(super) const GENERATION: &str = "generation";

/// Bytes that are stored, as [`Meta::size`] counts them.
pub(super) const USED: &str = "used";

/// Bytes in [`GARBAGE`].
pub(super) const LITTERED: &str = "littered";

/// The number of the store that was made last. None is used twice.
pub(super) const LAST_STORE: &str = "last store";

/// Stores by name.
pub(super) const STORES: TableDefinition<'_, &str, u64> = TableDefinition::new("stores");

/// By store and key, a [`Record`].
pub(super) const ENTRIES: TableDefinition<'_, (u64, &str), &[u8]> = TableDefinition::new("entries");

/// By the value's number and its piece's.
pub(super) const VALUES: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("values");

/// Entries that expire: when, store and key.
pub(super) const EXPIRIES: TableDefinition<'_, (u64, u64, &str), ()> =
    TableDefinition::new("expiries");

/// Values of several pieces that no entry has any more, by their number, with
/// their length: they are freed when nobody reads them.
pub(super) const GARBAGE: TableDefinition<'_, u64, u64> = TableDefinition::new("garbage");

/// The digests of seeds as they were last written, by store and key.
pub(super) const SEEDS: TableDefinition<'_, (u64, &str), [u8; 16]> = TableDefinition::new("seeds");

/// Bytes of a value in one piece. With what the database adds, one fits a
/// power of two, which is what it takes from the file.
pub(super) const PIECE: usize = 256 * 1024 - 256;

/// What an entry's row holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) meta: Meta,
    /// The number of its value: the generation of the write that began it.
    pub(super) value: u64,
}

/// Where the metadata begins.
const HEAD: usize = 32;

/// The time of what does not expire.
const NEVER: u64 = u64::MAX;

impl Record {
    pub(super) fn encode(&self) -> Vec<u8> {
        let Meta {
            generation,
            expires,
            metadata,
            length,
        } = &self.meta;
        let mut row = Vec::with_capacity(HEAD.saturating_add(metadata.len()));
        for number in [*generation, expires.unwrap_or(NEVER), *length, self.value] {
            row.extend_from_slice(&number.to_le_bytes());
        }
        row.extend_from_slice(metadata);
        row
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self, redb::Error> {
        let short = || redb::Error::Corrupted("an entry is too short".to_owned());
        let (head, metadata) = row.split_first_chunk::<HEAD>().ok_or_else(short)?;
        let mut numbers = head.chunks_exact(8).map(|bytes| {
            let bytes = bytes.try_into().unwrap_or_default();
            u64::from_le_bytes(bytes)
        });
        let mut number = || numbers.next().unwrap_or_default();
        let generation = number();
        let expires = Some(number()).filter(|expires| *expires != NEVER);
        let length = number();
        Ok(Self {
            meta: Meta {
                generation,
                expires,
                metadata: Bytes::copy_from_slice(metadata),
                length,
            },
            value: number(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for (expires, metadata) in [(None, &b""[..]), (Some(5), b"meta")] {
            let record = Record {
                meta: Meta {
                    generation: 1 << 50,
                    expires,
                    metadata: Bytes::copy_from_slice(metadata),
                    length: 77,
                },
                value: 3,
            };
            assert_eq!(Record::decode(&record.encode()).expect("whole"), record);
        }
        assert!(Record::decode(&[0; HEAD - 1]).is_err());
    }
}
