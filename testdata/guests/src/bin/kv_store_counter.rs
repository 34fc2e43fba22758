//! Counts requests in the key `count` of the KV store `counters`: reads it, and writes it if
//! nobody else has written it meanwhile, as often as it takes. Answers the count, and how many
//! times somebody else was faster.

use fastly::kv_store::{InsertMode, KVStore, KVStoreError};
use fastly::{Error, Request, Response};

#[fastly::main]
fn main(_: Request) -> Result<Response, Error> {
    let store = KVStore::open("counters")?.expect("the store");
    let mut lost = 0;
    let count = loop {
        let written = match store.lookup("count") {
            Ok(mut found) => {
                let generation = found.current_generation();
                let count: u64 = found.take_body().into_string().parse()?;
                let insert = store.build_insert().if_generation_match(generation);
                let written = insert.execute("count", (count + 1).to_string());
                written.map(|()| count + 1)
            }
            Err(KVStoreError::ItemNotFound) => {
                let insert = store.build_insert().mode(InsertMode::Add);
                insert.execute("count", "1").map(|()| 1)
            }
            Err(error) => return Err(error.into()),
        };
        match written {
            Ok(count) => break count,
            Err(KVStoreError::ItemPreconditionFailed) => lost += 1,
            Err(error) => return Err(error.into()),
        }
    };
    Ok(Response::from_body(count.to_string()).with_header("x-lost", lost.to_string()))
}
