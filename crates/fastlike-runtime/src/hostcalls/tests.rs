//! Doors called without wasm: each limit is reached, and refused one past it.

mod stores;

use std::sync::Arc;

use bytes::Bytes;
use fastlike_abi::fastly_async_io::FastlyAsyncIo as _;
use fastlike_abi::fastly_config_store::FastlyConfigStore;
use fastlike_abi::fastly_dictionary::FastlyDictionary;
use fastlike_abi::fastly_http_body::FastlyHttpBody;
use fastlike_abi::fastly_http_req::FastlyHttpReq;
use fastlike_abi::fastly_http_resp::FastlyHttpResp;
use fastlike_abi::fastly_log::FastlyLog;
use fastlike_abi::fastly_shielding::FastlyShielding as _;
use fastlike_abi::fastly_uap::FastlyUap as _;
use fastlike_abi::types::{
    BodyHandle, CacheOverrideTag, FastlyStatus, HostError, PendingRequestHandle,
    PendingResponseKind, RequestHandle, ShieldBackendOptions,
};
use wasmtime::ResourceLimiter as _;
use wiggle::{GuestMemory, GuestPtr};

use crate::backend::{Failures, Registry, SendError};
use crate::config_store::{ConfigProvider, ConfigStore, ConfigStores};
use crate::http::Body;
use crate::identity::LoopMark;
use crate::limits::{self, Limits};
use crate::sandbox::Sandbox;
use crate::session::{ClientRequest, PendingRequest, ResponsePlan, ResponseSlot, Session};
use crate::user_agent::{UapCore, UserAgents};
use crate::world::World;

/// Has every key of the longest length that is allowed.
struct AnyKey;

impl ConfigProvider for AnyKey {
    fn get(&self, _: &str) -> Option<Arc<str>> {
        Some(Arc::from("value"))
    }
}

pub(super) fn sandbox() -> Sandbox {
    sandbox_of(crate::shield::Shields::default())
}

fn sandbox_of(shields: crate::shield::Shields) -> Sandbox {
    let config_stores = ConfigStores::default();
    for name in ["store", &"s".repeat(limits::STORE_NAME)] {
        let store = ConfigStore::computed(AnyKey);
        config_stores.insert(name, store).expect("room");
    }
    let world = World {
        backends: Registry::default(),
        shields,
        hand_offs: crate::hand_off::HandOffs::new(true, None, &Limits::default())
            .expect("no address"),
        config_stores,
        secret_stores: crate::secret_store::SecretStores::default(),
        acls: crate::acl::Acls::default(),
        state: crate::state::State::default(),
        geo: Arc::new(crate::geo::FixedGeo::default()),
        devices: crate::device::Devices::new(
            std::collections::HashMap::new(),
            Arc::new(|_: &str| Some(crate::device::DeviceRecord::default())),
        ),
        user_agents: UserAgents::new(Arc::new(UapCore)),
        failures: Failures::default(),
        inspector: Arc::new(crate::inspect::AllowAll),
        logs: Arc::new(|_: &str, _: &[u8]| {}),
        stdout: Arc::new(|_: &[u8]| {}),
        stderr: Arc::new(|_: &[u8]| {}),
        observer: Arc::new(|_: &crate::observe::RequestReport| {}),
        environment: Vec::new(),
        identity: LoopMark::new("test", "DEV"),
        products: crate::products::Products::default(),
        purger: crate::purge::Purger::new(Vec::new(), 0),
        limits: Limits::default(),
        backtraces: false,
        profiler: None,
        warned: super::Warned::default(),
        lot: Arc::default(),
    };
    let session = Session::new(
        Arc::new(world),
        Arc::default(),
        ClientRequest::nobody(),
        ResponseSlot::new().0,
    );
    Sandbox::new(session.expect("room for one request"))
}

fn status<T>(result: Result<T, HostError>) -> FastlyStatus {
    match result {
        Ok(_) => FastlyStatus::Ok,
        Err(error) => error.downcast().expect("a status, not a trap"),
    }
}

/// Guest memory full of `x`, with room for results at its start.
fn memory(length: usize) -> Vec<u8> {
    vec![b'x'; length + TEXT_AT as usize]
}

/// Where arguments begin in [`memory`].
const TEXT_AT: u32 = 1024;

fn bytes(length: usize) -> GuestPtr<[u8]> {
    GuestPtr::new((TEXT_AT, length as u32))
}

fn text(length: usize) -> GuestPtr<str> {
    GuestPtr::new((TEXT_AT, length as u32))
}

fn result<T: wiggle::Pointee<Pointer = u32>>(at: u32) -> GuestPtr<T> {
    GuestPtr::new(at)
}

/// Calls with an argument of `limit` bytes and of one more; gives both statuses.
fn at_and_past(
    limit: usize,
    mut call: impl FnMut(&mut Sandbox, &mut GuestMemory<'_>, usize) -> FastlyStatus,
) -> [FastlyStatus; 2] {
    [limit, limit + 1].map(|length| {
        let mut raw = memory(length);
        call(&mut sandbox(), &mut GuestMemory::Unshared(&mut raw), length)
    })
}

use FastlyStatus::{Badf, Inval, Limitexceeded, None as Absent, Ok as Fine, Unsupported};

#[test]
fn texts_are_taken_up_to_their_limit() {
    let method = at_and_past(limits::METHOD, |s, m, n| {
        let request = new_request(s, m);
        status(s.method_set(m, request, text(n)))
    });
    assert_eq!(method, [Fine, Inval]);
    let name = at_and_past(limits::HEADER_NAME, |s, m, n| {
        let request = new_request(s, m);
        status(FastlyHttpReq::header_insert(
            s,
            m,
            request,
            bytes(n),
            bytes(1),
        ))
    });
    // http holds names of 65,535 bytes, so does the ABI.
    assert_eq!(name, [Fine, Inval]);
    let value = at_and_past(limits::HEADER_VALUE, |s, m, n| {
        let request = new_request(s, m);
        status(FastlyHttpReq::header_append(
            s,
            m,
            request,
            bytes(1),
            bytes(n),
        ))
    });
    assert_eq!(value, [Fine, Inval]);
    let list = at_and_past(limits::HEADER_LIST, |s, m, n| {
        let request = new_request(s, m);
        status(FastlyHttpReq::header_values_set(
            s,
            m,
            request,
            bytes(1),
            bytes(n),
        ))
    });
    assert_eq!(list, [Fine, Inval]);
    let keys = at_and_past(limits::SURROGATE_KEYS, |s, m, n| {
        let request = new_request(s, m);
        status(s.cache_override_v2_set(m, request, CacheOverrideTag::TTL, 1, 0, bytes(n)))
    });
    assert_eq!(keys, [Fine, Inval]);
    let agent = at_and_past(limits::USER_AGENT, |s, m, n| {
        let out = |at| (result::<u8>(at), 16, result::<u32>(at + 16));
        let ((a, al, an), (b, bl, bn), (c, cl, cn), (d, dl, dn)) =
            (out(0), out(32), out(64), out(96));
        status(s.parse(m, text(n), a, al, an, b, bl, bn, c, cl, cn, d, dl, dn))
    });
    assert_eq!(agent, [Fine, Inval]);
}

#[test]
fn a_uri_is_taken_up_to_its_limit() {
    let uri = at_and_past(limits::URI, |s, m, n| {
        if let GuestMemory::Unshared(raw) = m {
            raw[TEXT_AT as usize..TEXT_AT as usize + 9].copy_from_slice(b"http://x/");
        }
        let request = new_request(s, m);
        status(s.uri_set(m, request, text(n)))
    });
    assert_eq!(uri, [Fine, Inval]);
}

#[test]
fn store_names_and_keys_are_taken_up_to_their_limits() {
    let name = [limits::STORE_NAME, limits::STORE_NAME + 1].map(|n| {
        let mut raw = vec![b's'; n + TEXT_AT as usize];
        status(sandbox().open_config(&mut GuestMemory::Unshared(&mut raw), text(n)))
    });
    assert_eq!(name, [Fine, Unsupported]);
    let key = at_and_past(limits::CONFIG_KEY, |s, m, n| {
        let store = s
            .session
            .opened
            .config_stores
            .insert(ConfigStore::computed(AnyKey))
            .expect("room");
        status(s.get_config(m, store, text(n)))
    });
    assert_eq!(key, [Fine, Unsupported]);
    let huge = at_and_past(limits::TEXT, |s, m, n| status(s.open_config(m, text(n))));
    assert_eq!(
        huge,
        [Unsupported, Inval],
        "text past TEXT is not even read"
    );
}

#[test]
fn an_unknown_store_is_badf_and_an_empty_name_is_none() {
    let mut raw = memory(8);
    let mem = &mut GuestMemory::Unshared(&mut raw);
    assert_eq!(status(sandbox().open_config(mem, text(3))), Badf);
    assert_eq!(status(sandbox().open_config(mem, text(0))), Absent);
    assert_eq!(
        status(FastlyDictionary::open(&mut sandbox(), mem, text(3))),
        Badf
    );
}

#[test]
fn log_names_and_messages_are_taken_up_to_their_limits() {
    let name = at_and_past(limits::LOG_NAME, |s, m, n| {
        status(s.endpoint_get(m, bytes(n)))
    });
    assert_eq!(name, [Fine, Limitexceeded]);
    let message = at_and_past(limits::LOG_MESSAGE, |s, m, n| {
        let endpoint = s.endpoint_get(m, bytes(4)).expect("a name");
        status(FastlyLog::write(s, m, endpoint, bytes(n)))
    });
    assert_eq!(message, [Fine, Inval]);
}

#[test]
fn handles_are_given_up_to_their_limits() {
    let mut sandbox = sandbox();
    let mut raw = memory(8);
    let mem = &mut GuestMemory::Unshared(&mut raw);
    // The client's request is the first.
    for _ in 1..limits::REQUESTS {
        FastlyHttpReq::new(&mut sandbox, mem).expect("room");
    }
    assert_eq!(status(FastlyHttpReq::new(&mut sandbox, mem)), Limitexceeded);
    for _ in 0..limits::RESPONSES {
        FastlyHttpResp::new(&mut sandbox, mem).expect("room");
    }
    assert_eq!(
        status(FastlyHttpResp::new(&mut sandbox, mem)),
        Limitexceeded
    );
    // The client's body is the first.
    for _ in 1..limits::ASYNC_ITEMS {
        FastlyHttpBody::new(&mut sandbox, mem).expect("room");
    }
    assert_eq!(
        status(FastlyHttpBody::new(&mut sandbox, mem)),
        Limitexceeded
    );
    for _ in 0..limits::OPENED {
        sandbox.endpoint_get(mem, bytes(4)).expect("room");
    }
    assert_eq!(status(sandbox.endpoint_get(mem, bytes(4))), Limitexceeded);
}

#[test]
fn headers_are_made_up_to_the_limit_of_a_run() {
    let mut sandbox = sandbox();
    let value = vec![0; limits::HEADER_VALUE];
    for _ in 0..limits::HEADER_BYTES / limits::HEADER_VALUE {
        sandbox.session.charge_header(b"", &value).expect("room");
    }
    assert!(sandbox.session.charge_header(b"x", b"").is_err());
}

#[test]
fn tables_grow_up_to_the_limit() {
    let mut heap = sandbox().heap;
    assert!(
        heap.table_growing(0, limits::TABLE_ELEMENTS, None)
            .expect("an answer")
    );
    assert!(
        !heap
            .table_growing(0, limits::TABLE_ELEMENTS + 1, None)
            .expect("an answer")
    );
}

#[tokio::test]
async fn a_select_takes_as_many_handles_as_its_limit() {
    for (count, expected) in [(limits::SELECT, Fine), (limits::SELECT + 1, Inval)] {
        let list = GuestPtr::new((0, count));
        let mut sandbox = sandbox();
        let mut raw = vec![0u8; 4];
        for _ in 0..count {
            let body = sandbox.session.items.insert(Body::empty()).expect("room");
            raw.extend_from_slice(&u32::from(body).to_le_bytes());
        }
        // The first one, handle 0, is the client's body, which is ready.
        let selected = sandbox
            .select(&mut GuestMemory::Unshared(&mut raw), list, 0)
            .await;
        assert_eq!(status(selected), expected);
    }
}

#[tokio::test]
async fn changes_of_a_pending_response_are_queued_up_to_their_limit() {
    let mut sandbox = sandbox();
    let mut raw = memory(8);
    let mem = &mut GuestMemory::Unshared(&mut raw);
    let sending = async { Err(SendError::Unavailable) };
    let pending: PendingRequestHandle = sandbox
        .session
        .items
        .insert(PendingRequest::spawn(sending, ResponsePlan::default()))
        .expect("room");
    let mut change = |mem: &mut GuestMemory<'_>| {
        sandbox.pending_req_header_remove(mem, pending, bytes(1), PendingResponseKind::Any)
    };
    for _ in 0..limits::PENDING_CHANGES {
        change(mem).expect("room");
    }
    assert_eq!(status(change(mem)), Limitexceeded);
}

#[tokio::test]
async fn a_body_appended_to_itself_is_refused() {
    let mut sandbox = sandbox();
    let mut raw = memory(8);
    let mem = &mut GuestMemory::Unshared(&mut raw);
    let body: BodyHandle = sandbox
        .session
        .items
        .insert(Body::from(Bytes::from("data")))
        .expect("room");
    assert_eq!(status(sandbox.append(mem, body, body).await), Badf);
}

#[tokio::test]
async fn a_second_final_response_is_an_error_and_consumes_its_handles() {
    let mut sandbox = sandbox();
    let mut raw = memory(8);
    let mem = &mut GuestMemory::Unshared(&mut raw);
    for expected in [Fine, FastlyStatus::Error] {
        let response = FastlyHttpResp::new(&mut sandbox, mem).expect("room");
        let body = FastlyHttpBody::new(&mut sandbox, mem).expect("room");
        assert_eq!(
            status(sandbox.send_downstream(mem, response, body, 0).await),
            expected
        );
        assert_eq!(status(sandbox.status_get(mem, response)), Badf);
        assert_eq!(status(sandbox.known_length(mem, body)), Badf);
    }
}

#[tokio::test]
async fn an_unknown_backend_consumes_request_and_body_and_fills_the_detail() {
    let mut sandbox = sandbox();
    let mut raw = memory(8);
    raw[4..8].copy_from_slice(&0x1fu32.to_le_bytes());
    let mem = &mut GuestMemory::Unshared(&mut raw);
    let (request, body) = sandbox.body_downstream_get(mem).expect("the client's");
    assert_eq!(
        status(
            sandbox
                .send_v2(mem, request, body, text(4), result(0))
                .await
        ),
        Inval
    );
    assert_eq!(
        status(FastlyHttpReq::version_get(&mut sandbox, mem, request)),
        Badf
    );
    assert_eq!(status(sandbox.known_length(mem, body)), Badf);
    assert_eq!(
        raw[0..8],
        [4, 0, 0, 0, 0, 0, 0, 0],
        "destination not found, no further fields"
    );
}

/// A sandbox that knows the shield `there`, at two URLs of ten bytes.
fn sandbox_with_shield() -> Sandbox {
    let mut shields = crate::shield::Shields::default();
    let there = crate::ShieldSite::At {
        plain: "http://a:1".to_owned(),
        tls: "http://a:2".to_owned(),
    };
    shields
        .insert("there".to_owned(), there)
        .expect("a valid site");
    sandbox_of(shields)
}

/// The record of options at 512, then the text of `url` at [`TEXT_AT`].
fn shield_memory(url: &str, record: [u32; 4], more: usize) -> Vec<u8> {
    let mut raw = memory(more);
    for (index, field) in record.into_iter().enumerate() {
        let at = 512 + index * 4;
        raw[at..at + 4].copy_from_slice(&field.to_le_bytes());
    }
    let at = TEXT_AT as usize;
    raw[at..at + url.len()].copy_from_slice(url.as_bytes());
    raw
}

fn backend_for_shield(
    sandbox: &mut Sandbox,
    raw: &mut [u8],
    mask: ShieldBackendOptions,
    room: u32,
) -> FastlyStatus {
    let mem = &mut GuestMemory::Unshared(raw);
    let (options, name) = (GuestPtr::new(512), GuestPtr::new(0));
    status(sandbox.backend_for_shield(mem, text(10), mask, options, name, room, result(600)))
}

#[test]
fn a_guest_makes_backends_for_shields_up_to_the_limit() {
    let mut sandbox = sandbox_with_shield();
    let mut raw = shield_memory("http://a:2", [0; 4], 10);
    let none = ShieldBackendOptions::empty();
    for _ in 0..limits::SHIELD_BACKENDS {
        assert_eq!(backend_for_shield(&mut sandbox, &mut raw, none, 100), Fine);
    }
    assert_eq!(&raw[..18], b"shield 199 there t");
    assert_eq!(
        backend_for_shield(&mut sandbox, &mut raw, none, 100),
        Limitexceeded
    );
}

#[test]
fn the_options_of_a_shields_backend_are_read_where_their_bit_is_set() {
    let times =
        ShieldBackendOptions::FIRST_BYTE_TIMEOUT | ShieldBackendOptions::BETWEEN_BYTES_TIMEOUT;
    let mut sandbox = sandbox_with_shield();
    // The key is nowhere, and nobody asks for it.
    let mut raw = shield_memory("http://a:1", [u32::MAX, u32::MAX, 1_500, 2_500], 10);
    assert_eq!(backend_for_shield(&mut sandbox, &mut raw, times, 20), Fine);
    let made = sandbox.session.backend("shield 0 there plain");
    let made = made.expect("the backend of that name");
    let info = made.info();
    assert_eq!(info.first_byte_timeout.as_millis(), 1_500);
    assert_eq!(info.between_bytes_timeout.as_millis(), 2_500);
    let reserved = ShieldBackendOptions::RESERVED;
    assert_eq!(
        backend_for_shield(&mut sandbox, &mut raw, reserved, 20),
        Inval
    );
    // Too small a buffer: nothing is written, not even the length.
    raw[..604].fill(7);
    let none = ShieldBackendOptions::empty();
    assert_eq!(
        backend_for_shield(&mut sandbox, &mut raw, none, 19),
        FastlyStatus::Buflen
    );
    assert!(raw[..604].iter().all(|byte| *byte == 7));
}

#[test]
fn a_shields_cache_key_is_taken_up_to_its_limit() {
    let key = ShieldBackendOptions::USE_CACHE_KEY;
    let answers = [limits::SHIELD_CACHE_KEY, limits::SHIELD_CACHE_KEY + 1].map(|length| {
        let record = [TEXT_AT + 10, length as u32, 0, 0];
        let mut raw = shield_memory("http://a:1", record, length + 10);
        backend_for_shield(&mut sandbox_with_shield(), &mut raw, key, 100)
    });
    assert_eq!(answers, [Fine, Inval]);
    let mut not_text = shield_memory("http://a:1", [TEXT_AT + 10, 1, 0, 0], 11);
    not_text[TEXT_AT as usize + 10] = 0xff;
    assert_eq!(
        backend_for_shield(&mut sandbox_with_shield(), &mut not_text, key, 100),
        Inval
    );
}

/// Calls `inspect` on a new request with this record at 512.
fn inspected(mask: u32, record: [u32; 6], room: u32, more: usize) -> (FastlyStatus, Vec<u8>) {
    let mut sandbox = sandbox();
    let mut raw = memory(more);
    for (index, field) in record.into_iter().enumerate() {
        let at = 512 + index * 4;
        raw[at..at + 4].copy_from_slice(&field.to_le_bytes());
    }
    raw[600..604].fill(0);
    let mem = &mut GuestMemory::Unshared(&mut raw);
    let request = new_request(&mut sandbox, mem);
    let body = FastlyHttpBody::new(&mut sandbox, mem).expect("room");
    let (info, buf) = (GuestPtr::new(512), GuestPtr::new(0));
    let answer = status(sandbox.inspect(mem, request, body, mask, info, buf, room, result(600)));
    let length = u32::from_le_bytes(raw[600..604].try_into().expect("four bytes"));
    (answer, raw[..length as usize].to_vec())
}

#[test]
fn an_inspection_names_corp_and_workspace() {
    const CORP: u32 = 2;
    const WORKSPACE: u32 = 4;
    const CLIENT_IP: u32 = 8;
    let both = CORP | WORKSPACE;
    let named = |length: u32| [TEXT_AT, length, TEXT_AT, length, 0, 0];
    let (answer, verdict) = inspected(both, named(1), 512, 1);
    assert_eq!(answer, Fine);
    let verdict: serde_json::Value = serde_json::from_slice(&verdict).expect("JSON");
    assert_eq!(verdict["verdict"], "allow");
    // Bits that mean nothing do not count, nor does a record nobody asks for.
    let nowhere = [TEXT_AT, 1, TEXT_AT, 1, u32::MAX, u32::MAX];
    assert_eq!(inspected(both | 1 | 1 << 31, nowhere, 512, 1).0, Fine);
    for missing in [CORP, WORKSPACE, 0] {
        assert_eq!(inspected(missing, named(1), 512, 1).0, Inval);
    }
    assert_eq!(inspected(both, named(0), 512, 1).0, Inval);
    let longest = limits::INSPECT_NAME;
    assert_eq!(inspected(both, named(longest as u32), 512, longest).0, Fine);
    let over = longest + 1;
    assert_eq!(inspected(both, named(over as u32), 512, over).0, Inval);
    // An address has 4 or 16 bytes, or none at all.
    for (length, expected) in [(0, Fine), (4, Fine), (16, Fine), (5, Inval), (17, Inval)] {
        let record = [TEXT_AT, 1, TEXT_AT, 1, TEXT_AT, length];
        let (answer, _) = inspected(both | CLIENT_IP, record, 512, 32);
        assert_eq!(answer, expected, "{length} bytes");
    }
    let (answer, written) = inspected(both, named(1), 20, 1);
    assert_eq!((answer, written.len()), (FastlyStatus::Buflen, 0));
}

#[test]
fn what_is_privileged_is_not_supported() {
    let mut sandbox = sandbox();
    let mut raw = memory(8);
    let mem = &mut GuestMemory::Unshared(&mut raw);
    let request = new_request(&mut sandbox, mem);
    let unknown = RequestHandle::from(9);
    assert_eq!(status(sandbox.on_behalf_of(mem, unknown, text(1))), Badf);
    assert_eq!(
        status(sandbox.on_behalf_of(mem, request, text(1))),
        Unsupported
    );
    assert_eq!(status(sandbox.upgrade_websocket(mem, text(1))), Unsupported);
}

fn new_request(sandbox: &mut Sandbox, mem: &mut GuestMemory<'_>) -> RequestHandle {
    FastlyHttpReq::new(sandbox, mem).expect("room")
}

impl Sandbox {
    fn open_config(
        &mut self,
        mem: &mut GuestMemory<'_>,
        name: GuestPtr<str>,
    ) -> Result<(), HostError> {
        FastlyConfigStore::open(self, mem, name).map(drop)
    }

    fn get_config(
        &mut self,
        mem: &mut GuestMemory<'_>,
        store: fastlike_abi::types::ConfigStoreHandle,
        key: GuestPtr<str>,
    ) -> Result<(), HostError> {
        FastlyConfigStore::get(self, mem, store, key, result(0), 64, result(128))
    }
}
