//! Every limit on what an admin client, or the program that is counted, can
//! grow.

use std::time::Duration;

/// Connections at a time. A further one takes the place of the one that was
/// silent for longest; the official CLI opens 50 to fill a store.
pub(crate) const CONNECTIONS: usize = 128;

/// Header lines of a request.
pub(crate) const HEADERS: usize = 100;

/// Bytes of a request's head: a key of 1 KiB, percent-encoded, and metadata of
/// 2 KB have room. hyper may read up to as much again before it refuses one
/// that does not end; one that does end is counted then.
pub(crate) const HEAD: usize = 32 * 1024;

/// Bytes of a form or a JSON document: a config store's 10,000 entries do not
/// all fit in one, 500 of the longest do (the platform's number).
pub(crate) const DOCUMENT: usize = 8 * 1024 * 1024;

/// Bytes of one line of a batch: the largest value of a KV store in base64,
/// with its key and its metadata.
pub(crate) const BATCH_LINE: usize = VALUE.div_ceil(3) * 4 + 16 * 1024;

/// Bytes of one batch.
pub(crate) const BATCH: usize = 128 * 1024 * 1024;

/// Bytes of a value of a KV store (the platform's page: 25 MB).
pub(crate) const VALUE: usize = 25 * 1024 * 1024;

/// Lines of a batch that are being stored at a time. All together they are no
/// longer than [`BATCH_LINE`].
pub(crate) const BATCH_AT_A_TIME: usize = 64;

/// Keys in a page of a KV store's listing, if a client does not say how many
/// (recorded answers of the platform in its Go client).
pub(crate) const PAGE_KEYS: usize = 1_000;

/// Lines of a batch whose faults are told one by one.
pub(crate) const BATCH_FAULTS: usize = 100;

/// Surrogate keys of one purge (the platform's page).
pub(crate) const PURGE_KEYS: usize = 256;

/// Names of backends that are counted each for itself; the rest are counted
/// together. The configured ones are far fewer.
pub(crate) const BACKENDS: usize = 1_000;

/// Bytes of a token: room for what is made elsewhere.
pub(crate) const TOKEN: usize = 1_024;

/// Bytes of a token that somebody chooses, at least.
pub(crate) const TOKEN_LEAST: usize = 8;

/// How long a client may take to send a head, or stay silent between two.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(30);

/// How long a client may pause within a body.
pub(crate) const BODY_PAUSE: Duration = Duration::from_secs(30);

/// How old a connection gets: no further request is taken from it then. The
/// one that is under way goes on for as long as it moves; how much it can move
/// is limited by the size of what clients send and of what they are answered.
pub(crate) const CONNECTION_AGE: Duration = Duration::from_secs(300);

/// How long an old connection stays where not a byte moves: one that does not
/// read its answer ends, too. Longer than [`BODY_PAUSE`], so that a client who
/// pauses is told, and long enough for a disk.
pub(crate) const STALL: Duration = Duration::from_secs(60);
