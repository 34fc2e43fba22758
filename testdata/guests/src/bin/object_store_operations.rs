//! Uses the object store `store` as the first SDKs do, whose calls no SDK of today makes: the
//! path is the call, the query the key, and the request's body the value.

use fastly::handle::BodyHandle;
use fastly::{Body, Error, Request, Response};

const NONE: u32 = u32::MAX - 1;

// SAFETY: the signatures are those of `witx/object_store.witx`.
#[link(wasm_import_module = "fastly_object_store")]
unsafe extern "C" {
    fn open(name: *const u8, length: usize, store: *mut u32) -> u32;
    fn lookup(store: u32, key: *const u8, length: usize, body: *mut u32) -> u32;
    fn lookup_async(store: u32, key: *const u8, length: usize, pending: *mut u32) -> u32;
    fn pending_lookup_wait(pending: u32, body: *mut u32) -> u32;
    fn insert(store: u32, key: *const u8, length: usize, body: u32) -> u32;
    fn delete_async(store: u32, key: *const u8, length: usize, pending: *mut u32) -> u32;
    fn pending_delete_wait(pending: u32) -> u32;
}

#[fastly::main]
fn main(mut request: Request) -> Result<Response, Error> {
    let key = request.get_query_str().unwrap_or_default().to_owned();
    let (text, length) = (key.as_ptr(), key.len());
    let (mut store, mut pending, mut body) = (NONE, NONE, NONE);
    // SAFETY: what pointers point to lives as long as the calls.
    let status = unsafe {
        assert_eq!(open(c"store".as_ptr().cast(), 5, &mut store), 0);
        match request.get_path() {
            "/lookup" => lookup(store, text, length, &mut body),
            "/lookup_async" => {
                assert_eq!(lookup_async(store, text, length, &mut pending), 0);
                pending_lookup_wait(pending, &mut body)
            }
            "/insert" => {
                let value = request.take_body().into_handle();
                match insert(store, text, length, value.into_u32()) {
                    0 => return Ok(Response::from_body("ok")),
                    status => status,
                }
            }
            "/delete_async" => {
                assert_eq!(delete_async(store, text, length, &mut pending), 0);
                match pending_delete_wait(pending) {
                    0 => return Ok(Response::from_body("ok")),
                    status => status,
                }
            }
            other => panic!("{other:?} is no call"),
        }
    };
    Ok(match (status, body) {
        (0, NONE) => Response::from_body("absent"),
        // SAFETY: the host gave the handle to this program alone.
        (0, body) => Response::from_body(Body::from(unsafe { BodyHandle::from_u32(body) })),
        (status, _) => Response::from_body(format!("status {status}")),
    })
}
