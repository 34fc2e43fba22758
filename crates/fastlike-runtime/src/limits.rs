//! Every limit on what a guest, a client or an origin can grow, with its
//! reason and source.

use std::time::Duration;

/// Bytes of one chunk of a streaming body. A longer write is taken in part,
/// which the ABI allows (guests loop).
pub(crate) const STREAM_CHUNK: usize = 64 * 1024;

/// Bytes that a streaming body holds before its writer waits.
pub(crate) const STREAM_BYTES: usize = 128 * 1024;

/// Pieces that a streaming body holds before its writer waits. Viceroy has 8
/// chunks in flight.
pub(crate) const STREAM_PIECES: usize = 8;

/// Request handles of one run. Each is a few hundred bytes of host memory.
pub(crate) const REQUESTS: usize = 16 * 1024;

/// Response handles of one run.
pub(crate) const RESPONSES: usize = 16 * 1024;

/// Bodies, write ends and pending requests of one run. The SDKs' own limit of
/// pending requests is 16,384 (fastly-shared `MAX_PENDING_REQS`), each with a
/// body or two.
pub(crate) const ASYNC_ITEMS: usize = 64 * 1024;

/// Config stores, dictionaries and log endpoints of one run, each kind.
pub(crate) const OPENED: usize = 4 * 1024;

/// Elements of a guest's table (Viceroy's number).
pub(crate) const TABLE_ELEMENTS: usize = 98_765;

/// Header lines of a client's request (the platform's 255, and one to see
/// that there are more).
pub(crate) const CLIENT_HEADERS: usize = 256;

/// Bytes of a client's request head.
pub(crate) const CLIENT_HEAD: usize = 256 * 1024;

/// Handles in one select (fastly-shared `MAX_PENDING_REQS`).
pub(crate) const SELECT: u32 = 16 * 1024;

/// Bytes of a header name (Viceroy; HTTP/1 itself has no limit).
pub(crate) const HEADER_NAME: usize = 65_535;

/// Bytes of a header value: the platform's 128 KB a header, of which the
/// published pages disagree (69 KB in an older one).
pub(crate) const HEADER_VALUE: usize = 128 * 1024;

/// Bytes of a NUL-separated list of header values.
pub(crate) const HEADER_LIST: usize = 1024 * 1024;

/// Bytes of headers that one run may make, all its messages together.
pub(crate) const HEADER_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of a text argument before its own rule is looked at.
pub(crate) const TEXT: usize = 64 * 1024;

/// Header entries of one message (`http` holds 32,768).
pub(crate) const HEADERS: usize = 15_384;

/// Bytes of a method (the platform's page: 8192).
pub(crate) const METHOD: usize = 8_192;

/// Bytes of a URI that a guest sets: the platform's 8192 plus room for hosts.
pub(crate) const URI: usize = 16 * 1024;

/// Bytes of a backend's name.
pub(crate) const BACKEND_NAME: usize = 255;

/// Bytes of a config store's or dictionary's name.
pub(crate) const STORE_NAME: usize = 255;

/// Characters of a config store key (the platform's page).
pub(crate) const CONFIG_KEY: usize = 255;

/// Bytes of a log endpoint's name.
pub(crate) const LOG_NAME: usize = 255;

/// Bytes of one log message: it is copied into host memory.
pub(crate) const LOG_MESSAGE: usize = 1024 * 1024;

/// Bytes of surrogate keys in a cache override (ABI facts, section 10).
pub(crate) const SURROGATE_KEYS: usize = 16_384;

/// Bytes of a user agent that is parsed.
pub(crate) const USER_AGENT: usize = 16 * 1024;

/// Changes queued for a response that is not there yet.
pub(crate) const PENDING_CHANGES: usize = 1_024;

/// Services a request may have passed before it is refused as a loop (the
/// platform's page: chaining, 20 hops).
pub(crate) const CDN_LOOP_HOPS: usize = 20;

/// Bytes of a line of the guest's standard output before it is passed on
/// without its end.
pub(crate) const OUTPUT_LINE: usize = 16 * 1024;

/// What one service may use. The default suits development; a platform
/// allows 50 ms of CPU, 2 minutes and 128 MB.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// CPU time of one run.
    pub cpu: Duration,
    /// Time from a run's start to its end, waiting included.
    pub wall: Duration,
    /// Bytes of linear memory of one run.
    pub heap: u64,
    /// Bytes that the bodies a run wrote may hold in host memory.
    pub body_memory: u64,
    /// Runs whose memory comes from warm slots.
    pub pool_slots: usize,
    /// Runs at a time, warm slots and spikes together.
    pub max_sandboxes: usize,
    /// How long a request waits when all of these are busy, before it gets 503.
    pub admission_wait: Duration,
    /// Bytes of a used slot that stay in memory for its next run.
    pub keep_resident: usize,
    /// How long a client may take to send a request's head.
    pub header_read_timeout: Duration,
    /// How long a client may pause while it sends a body or reads a response.
    pub client_idle_timeout: Duration,
    /// How long running requests get when the server shuts down.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cpu: Duration::from_secs(10),
            wall: Duration::from_secs(120),
            heap: 128 * 1024 * 1024,
            body_memory: 128 * 1024 * 1024,
            pool_slots: (cores * 32).clamp(32, 512),
            max_sandboxes: 1_000,
            admission_wait: Duration::from_secs(10),
            keep_resident: 1024 * 1024,
            header_read_timeout: Duration::from_secs(30),
            client_idle_timeout: Duration::from_secs(60),
            drain: Duration::from_secs(10),
        }
    }
}

/// Names whose backend the fallback chose and that are remembered; past it
/// the fallback is asked again. Above the platform's 200 backends of a service.
pub(crate) const FALLBACK_BACKENDS: usize = 256;

/// Unknown backend names that are warned about: a guest can make up any number.
pub(crate) const UNKNOWN_BACKEND_WARNINGS: usize = 100;

/// Idle connections that one origin keeps; each costs a socket here and there.
pub(crate) const IDLE_CONNECTIONS: usize = 256;

/// Bytes that an origin's connection buffers in each direction (hyper takes up
/// to twice as much), and so the largest response head. The platform documents
/// 69 KB for one header.
pub(crate) const ORIGIN_BUFFER: usize = 128 * 1024;

/// Header lines of an origin's response: as many as a client's request may have.
pub(crate) const ORIGIN_HEADERS: usize = CLIENT_HEADERS;
