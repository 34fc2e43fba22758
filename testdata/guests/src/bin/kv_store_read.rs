//! Answers with the value of the key `key` in the KV store `bench`.

use fastly::{Error, KVStore, Request, Response};

#[fastly::main]
fn main(_: Request) -> Result<Response, Error> {
    let store = KVStore::open("bench")?.expect("the store");
    let found = store.lookup("key")?.take_body();
    Ok(Response::from_body(found))
}
