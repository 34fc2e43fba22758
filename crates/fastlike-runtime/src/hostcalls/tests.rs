//! Doors called without wasm: each limit is reached, and refused one past it.

use std::sync::Arc;

use bytes::Bytes;
use fastlike_abi::fastly_async_io::FastlyAsyncIo as _;
use fastlike_abi::fastly_config_store::FastlyConfigStore;
use fastlike_abi::fastly_dictionary::FastlyDictionary;
use fastlike_abi::fastly_http_body::FastlyHttpBody;
use fastlike_abi::fastly_http_req::FastlyHttpReq;
use fastlike_abi::fastly_http_resp::FastlyHttpResp;
use fastlike_abi::fastly_log::FastlyLog;
use fastlike_abi::fastly_uap::FastlyUap as _;
use fastlike_abi::types::{
    BodyHandle, CacheOverrideTag, FastlyStatus, HostError, PendingRequestHandle,
    PendingResponseKind, RequestHandle,
};
use wasmtime::ResourceLimiter as _;
use wiggle::{GuestMemory, GuestPtr};

use super::unavailable;
use crate::backend::{Registry, SendError};
use crate::config_store::{ConfigStore, ConfigStores};
use crate::http::Body;
use crate::identity::LoopMark;
use crate::limits::{self, Limits};
use crate::sandbox::Sandbox;
use crate::session::{ClientRequest, PendingRequest, ResponsePlan, ResponseSlot, Session};
use crate::user_agent::UapCore;
use crate::world::World;

/// Has every key of the longest length that is allowed.
struct AnyKey;

impl ConfigStore for AnyKey {
    fn get(&self, _: &str) -> Option<Arc<str>> {
        Some(Arc::from("value"))
    }
}

fn sandbox() -> Sandbox {
    let mut config_stores = ConfigStores::default();
    for name in ["store".to_owned(), "s".repeat(limits::STORE_NAME)] {
        config_stores.insert(name, Arc::new(AnyKey));
    }
    let world = World {
        backends: Registry::default(),
        config_stores,
        geo: Arc::new(crate::geo::FixedGeo::default()),
        user_agents: Arc::new(UapCore),
        logs: Arc::new(|_: &str, _: &[u8]| {}),
        stdout: Arc::new(|_: &[u8]| {}),
        stderr: Arc::new(|_: &[u8]| {}),
        observer: Arc::new(|_: &crate::observe::RequestReport| {}),
        environment: Vec::new(),
        identity: LoopMark::new("test"),
        limits: Limits::default(),
        backtraces: false,
        warned: super::Warned::default(),
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
            .insert(Arc::new(AnyKey))
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
        let mut raw = vec![0u8; (count as usize + 1) * 4];
        let list = GuestPtr::new((0, count));
        let mut sandbox = sandbox();
        // Handle 0 is the client's body, which is at its end and so ready.
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

#[test]
fn what_is_not_available_answers_its_status_through_the_door_too() {
    let mut sandbox = sandbox();
    let mut raw = memory(8);
    let mem = &mut GuestMemory::Unshared(&mut raw);
    let request = RequestHandle::from(0);
    assert_eq!(
        status(sandbox.on_behalf_of(mem, request, text(1))),
        unavailable::answer("fastly_http_req", "on_behalf_of")
    );
    assert_eq!(
        status(sandbox.upgrade_websocket(mem, text(1))),
        unavailable::answer("fastly_http_req", "upgrade_websocket")
    );
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
