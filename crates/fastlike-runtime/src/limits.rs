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

/// Streaming bodies within a streaming body: each level is a level of the
/// native stack when they are freed.
pub(crate) const STREAM_NESTING: usize = 16;

/// Request handles of one run. Each is a few hundred bytes of host memory.
pub(crate) const REQUESTS: usize = 16 * 1024;

/// Response handles of one run.
pub(crate) const RESPONSES: usize = 16 * 1024;

/// Bodies, write ends and pending requests of one run. The SDKs' own limit of
/// pending requests is 16,384 (fastly-shared `MAX_PENDING_REQS`), each with a
/// body or two.
pub(crate) const ASYNC_ITEMS: usize = 64 * 1024;

/// Clients whose addresses and the like a sandbox that answers several
/// requests remembers; each may have sent a large head.
pub(crate) const CLIENTS_KNOWN: usize = 16;

/// Stores of each kind, secrets and log endpoints of one run, each.
pub(crate) const OPENED: usize = 4 * 1024;

/// Elements of a guest's table (Viceroy's number).
pub(crate) const TABLE_ELEMENTS: usize = 98_765;

/// Header lines of a client's request (the platform's 255, and one to see
/// that there are more).
pub(crate) const CLIENT_HEADERS: usize = 256;

/// Bytes of a client's request head.
pub(crate) const CLIENT_HEAD: usize = 256 * 1024;

/// Bytes of a header of the PROXY protocol: addresses take up to 52, and what
/// proxies add stays far below this.
pub(crate) const PROXY_HEADER: usize = 4 * 1024;

/// Bytes that are kept of a TLS handshake, which the client's first message
/// must be in: 2 KB with post-quantum keys.
pub(crate) const CLIENT_HELLO: usize = 32 * 1024;

/// Bytes in which an HTTP/2 client's first request must begin for its
/// fingerprint to be taken.
pub(crate) const H2_BEGINNING: usize = 16 * 1024;

/// Streams of one HTTP/2 connection that run at the same time (nginx's number;
/// RFC 9113 section 6.5.2 asks for 100 at least).
pub(crate) const H2_STREAMS: u32 = 128;

/// Bytes of one HTTP/2 request's headers, each with 32 more as HTTP/2 counts
/// them: as many as an HTTP/1.1 head may have.
pub(crate) const H2_HEADER_LIST: u32 = CLIENT_HEAD as u32;

/// Streams that a client resets before they were begun: more is an attack
/// (CVE-2023-44487) and ends the connection.
pub(crate) const H2_PENDING_RESETS: usize = 20;

/// Streams of one connection that end because their client broke the rules;
/// more ends the connection (CVE-2025-8671).
pub(crate) const H2_LOCAL_RESETS: usize = 100;

/// Bytes of a request's body that a stream's client may send before the guest
/// reads them.
pub(crate) const H2_STREAM_WINDOW: u32 = 128 * 1024;

/// The same for all streams of a connection together, so that one whose guest
/// does not read holds up no other.
pub(crate) const H2_CONNECTION_WINDOW: u32 = 2 * 1024 * 1024;

/// Bytes of a response that a stream holds for a client that is slow.
pub(crate) const H2_SEND_BUFFER: usize = 64 * 1024;

/// Bytes of a response's body that are handed out at once. A client must take
/// so much within [`Limits::client_idle_timeout`]. One frame's content (RFC
/// 9113 section 4.2).
pub(crate) const H2_PIECE: usize = 16 * 1024;

/// Bytes of 103 responses that wait for a client to read them.
pub(crate) const INTERIM_BYTES: usize = 256 * 1024;

/// Bytes that a tunnel, such as a WebSocket's, holds in each direction.
pub(crate) const TUNNEL_BUFFER: usize = 8 * 1024;

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

/// Bytes of a shield's name: room for it in the name of a backend.
pub(crate) const SHIELD_NAME: usize = 200;

/// Backends that lead to shields, of one run: the platform's 200 backends of a
/// service.
pub(crate) const SHIELD_BACKENDS: usize = 200;

/// Different settings of such backends whose connections are shared by all
/// runs. A guest can make up timeouts, and so any number.
pub(crate) const SHIELD_ORIGINS: usize = 64;

/// Bytes of the cache key of such a backend: as long as a key of the core
/// cache (ABI facts, section 10).
pub(crate) const SHIELD_CACHE_KEY: usize = 4 * 1024;

/// Unknown shields that are warned about: a guest can make up any number.
pub(crate) const UNKNOWN_SHIELD_WARNINGS: usize = 64;

/// Bytes of a corp's or workspace's name in an inspection.
pub(crate) const INSPECT_NAME: usize = 1024;

/// Bytes of a config store's or dictionary's name.
pub(crate) const STORE_NAME: usize = 255;

/// Characters of a config store key (the platform's page).
pub(crate) const CONFIG_KEY: usize = 256;

/// Characters of a config store's value (the platform's page).
pub(crate) const CONFIG_VALUE: usize = 8_000;

/// Bytes of a JSON file that holds a config store: it is read when it has
/// changed, in the middle of a request.
pub(crate) const CONFIG_FILE: u64 = 16 * 1024 * 1024;

/// Stores of one kind (config, secret, ACL, KV) that a service can have. An admin
/// client can make any number; a service on the platform links a few.
pub(crate) const STORES: usize = 1_000;

/// Entries of a config or secret store that an admin client can write. Each
/// write copies the list; the platform has 500 in a config store.
pub(crate) const STORE_ENTRIES: usize = 10_000;

/// Entries of an ACL: 100,000 are a few megabytes, and each change copies them.
pub(crate) const ACL_ENTRIES: usize = 250_000;

/// Bytes of the name of a secret or of a secret store (the Rust SDK).
pub(crate) const SECRET_NAME: usize = 255;

/// Bytes of a secret (the Rust SDK).
pub(crate) const SECRET: usize = 64 * 1024;

/// Bytes of the secrets that one run makes of bytes of its own; they stay to
/// its end.
pub(crate) const SECRET_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of a key in a KV store (the platform's page).
pub(crate) const KV_KEY: usize = 1_024;

/// Bytes of an entry's metadata in a KV store (the Rust SDK).
pub(crate) const KV_METADATA: usize = 2_000;

/// Bytes of a value in a KV store: the platform's 25 MB.
pub(crate) const KV_VALUE: usize = 25 * 1024 * 1024;

/// Keys in one page of a listing (the platform's API).
pub(crate) const KV_LIST: u32 = 1_000;

/// Keys in one page of a listing that names no number (the Rust SDK).
pub(crate) const KV_LIST_DEFAULT: u32 = 100;

/// Bytes of values that are being written to KV stores: each is in memory
/// until it is stored.
pub(crate) const KV_WRITING: u64 = 256 * 1024 * 1024;

/// Writes to a state directory that wait for their commit; one more waits for
/// its place.
pub(crate) const KV_WRITES: usize = 1_024;

/// Bytes that all KV stores hold together when they are in memory.
pub(crate) const KV_MEMORY: u64 = 1024 * 1024 * 1024;

/// Bytes that all KV stores hold together in a state directory.
pub(crate) const KV_DISK: u64 = 64 * 1024 * 1024 * 1024;

/// What an entry counts towards the two besides its key, value and metadata:
/// about what it takes in memory.
pub(crate) const KV_ENTRY_COST: u64 = 256;

/// Bytes of a log endpoint's name.
pub(crate) const LOG_NAME: usize = 255;

/// Lines that wait for the delivery of a log endpoint, if nothing else is
/// configured: some seconds of a busy service.
pub(crate) const LOG_QUEUE_LINES: usize = 10_000;

/// Bytes of such lines.
pub(crate) const LOG_QUEUE_BYTES: usize = 8 * 1024 * 1024;

/// Lines that are delivered at once, as one request of HTTP.
pub(crate) const LOG_BATCH_LINES: usize = 1_000;

/// Bytes of lines that are delivered at once, but for a longer line.
pub(crate) const LOG_BATCH_BYTES: usize = 1024 * 1024;

/// Bytes of one log message: it is copied into host memory.
pub(crate) const LOG_MESSAGE: usize = 1024 * 1024;

/// Bytes of a rate counter's or penalty box's name (the platform's `compute.wit`).
pub(crate) const RATE_NAME: usize = 1_024;

/// Bytes of an entry of a rate counter or penalty box (the platform's page on
/// rate limiting).
pub(crate) const RATE_ENTRY: usize = 256;

/// Entries of all rate counters together, and of all penalty boxes. A counted
/// entry takes 700 bytes, whatever its name.
pub(crate) const RATE_ENTRIES: usize = 32 * 1024;

/// Bytes of the surrogate key that is purged (the platform's `compute.wit`).
pub(crate) const SURROGATE_KEY: usize = 1_024;

/// Bytes of surrogate keys in a cache override (ABI facts, section 10).
pub(crate) const SURROGATE_KEYS: usize = 16_384;

/// Bytes of a user agent that is parsed.
pub(crate) const USER_AGENT: usize = 16 * 1024;

/// Changes queued for a response that is not there yet.
pub(crate) const PENDING_CHANGES: usize = 1_024;

/// Services a request may have passed before it is refused as a loop (the
/// platform's page: chaining, 20 hops).
pub(crate) const CDN_LOOP_HOPS: usize = 20;

/// Samples of the profile of one run: 50 seconds of a guest that is looked at
/// every 50 µs, in some 100 MB of memory.
pub(crate) const PROFILE_SAMPLES: usize = 1_000_000;

/// Bytes of a line of the guest's standard output before it is passed on
/// without its end.
pub(crate) const OUTPUT_LINE: usize = 16 * 1024;

/// What one service may use. The default suits development; a platform
/// allows 50 ms of CPU, 2 minutes and 128 MB.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// CPU time that one request may take.
    pub cpu: Duration,
    /// Time from a run's start to its end, waiting included; in a sandbox
    /// that answers several requests, the time for each.
    pub wall: Duration,
    /// Bytes of linear memory of one run.
    pub heap: u64,
    /// Bytes that the bodies a run wrote may hold in host memory.
    pub body_memory: u64,
    /// Runs whose memory comes from warm slots.
    pub pool_slots: usize,
    /// Runs at a time, warm slots and spikes together.
    pub max_sandboxes: usize,
    /// Requests that a sandbox may answer after its first, if its program asks
    /// for more; 0 gives every request a sandbox of its own. Viceroy allows 5.
    pub reuse_requests: u32,
    /// How long such a sandbox may wait for its next request; a program can
    /// ask for less. Viceroy's, and its default, is 10 seconds.
    pub reuse_wait: Duration,
    /// How old a sandbox may be that still gets another request.
    pub reuse_age: Duration,
    /// Sandboxes that wait for a request at a time; each keeps its memory.
    /// Viceroy has 5.
    pub parked_sandboxes: usize,
    /// How long a request waits when all sandboxes are busy, before it gets 503.
    pub admission_wait: Duration,
    /// Bytes of a used slot that stay in memory for its next run.
    pub keep_resident: usize,
    /// How long a client may take for what comes before HTTP: the PROXY
    /// protocol and TLS, each.
    pub handshake_timeout: Duration,
    /// How long a client may take to send a request's head.
    pub header_read_timeout: Duration,
    /// How long a client may pause while it sends a body or reads a response.
    pub client_idle_timeout: Duration,
    /// WebSockets that are relayed at a time; one more gets 503. Each is a
    /// connection of a client and one to an origin, and needs no sandbox.
    pub max_tunnels: usize,
    /// How long a WebSocket may be silent in both directions. Zero: any time.
    pub tunnel_idle_timeout: Duration,
    /// How long running requests, and guests that go on after their answer, get
    /// when the server shuts down.
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
            reuse_requests: 100,
            reuse_wait: Duration::from_secs(10),
            reuse_age: Duration::from_secs(600),
            parked_sandboxes: 32,
            admission_wait: Duration::from_secs(10),
            keep_resident: 1024 * 1024,
            handshake_timeout: Duration::from_secs(10),
            header_read_timeout: Duration::from_secs(30),
            client_idle_timeout: Duration::from_secs(60),
            max_tunnels: 10_000,
            tunnel_idle_timeout: Duration::from_secs(600),
            drain: Duration::from_secs(10),
        }
    }
}

/// Names whose backend the fallback chose and that are remembered; past it
/// the fallback is asked again. Above the platform's 200 backends of a service.
pub(crate) const FALLBACK_BACKENDS: usize = 256;

/// Unknown backend names that are warned about: a guest can make up any number.
pub(crate) const UNKNOWN_BACKEND_WARNINGS: usize = 100;

/// Backends that fail at the same time and have lines about it: guests can name
/// any number of dynamic ones.
pub(crate) const FAILING_BACKENDS: usize = 256;

/// Idle connections that one origin keeps; each costs a socket here and there.
pub(crate) const IDLE_CONNECTIONS: usize = 256;

/// Bytes that an origin's connection buffers in each direction (hyper takes up
/// to twice as much), and so the largest response head. The platform documents
/// 69 KB for one header.
pub(crate) const ORIGIN_BUFFER: usize = 128 * 1024;

/// Header lines of an origin's response: as many as a client's request may have.
pub(crate) const ORIGIN_HEADERS: usize = CLIENT_HEADERS;

/// Interim responses (1xx) to one request: 103s come in ones and twos.
pub(crate) const ORIGIN_INTERIM: u32 = 32;

/// Requests at a time on one HTTP/2 connection to an origin (the lower limit
/// that RFC 9113 section 6.5.2 recommends to servers).
pub(crate) const ORIGIN_STREAMS: usize = 100;

/// Bytes of one HTTP/2 response that an origin may send ahead of its reader.
pub(crate) const ORIGIN_STREAM_WINDOW: u32 = 256 * 1024;

/// Dynamic backends of one service, and of one run (the platform's page).
pub(crate) const DYNAMIC_BACKENDS: usize = 200;

/// Bytes of a name in a dynamic backend's settings (Viceroy).
pub(crate) const DYNAMIC_NAME: usize = 1_024;

/// Bytes of certificates or keys in a dynamic backend's settings (Viceroy).
pub(crate) const DYNAMIC_PEM: usize = 64 * 1024;

/// Bytes of a dynamic backend's cipher list (Viceroy has none; a list of all
/// that OpenSSL knows is shorter).
pub(crate) const DYNAMIC_CIPHERS: usize = 16 * 1024;

/// Probes of a health check that count (the newest Rust SDK).
pub(crate) const HEALTH_WINDOW: u32 = 15;

/// The interval of a health check, and how long a probe may take (the newest
/// Rust SDK).
pub(crate) const HEALTH_TIME: std::ops::Range<Duration> =
    Duration::from_secs(1)..Duration::from_secs(3_600);

/// Bytes of a probe's host and path together (the newest Rust SDK).
pub(crate) const HEALTH_URL: usize = 8_192;
