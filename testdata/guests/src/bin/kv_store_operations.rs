//! Does to the KV store of the path's first segment what the second says, with the key in the
//! query and the request's body as the value. Headers are the options; the answer is what came of
//! it: `ok`, an error's name, or the value with `x-metadata` and `x-generation`.

use std::time::Duration;

use fastly::kv_store::{InsertMode, KVStore, KVStoreError};
use fastly::{Error, Request, Response};

#[fastly::main]
fn main(mut request: Request) -> Result<Response, Error> {
    let path = request.get_path().to_owned();
    let (store, operation) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    let store = match KVStore::open(store) {
        Ok(store) => store.expect("a store or an error"),
        Err(error) => return Ok(Response::from_body(name(&error))),
    };
    let key = request.get_query_str().unwrap_or_default().to_owned();
    let done = match operation {
        "lookup" => lookup(&store, &key),
        "insert" => insert(&store, &key, &mut request),
        "delete" => store.delete(&key).map(|()| Response::from_body("ok")),
        "list" => list(&store, &request),
        "keys" => count(&store, &request),
        "async" => many(&store, &key),
        other => panic!("{other:?} is no operation"),
    };
    Ok(done.unwrap_or_else(|error| Response::from_body(name(&error))))
}

fn name(error: &KVStoreError) -> String {
    let text = format!("{error:?}");
    text.split('(').next().unwrap_or_default().to_owned()
}

fn lookup(store: &KVStore, key: &str) -> Result<Response, KVStoreError> {
    let mut found = store.lookup(key)?;
    let generation = found.current_generation().to_string();
    let metadata = found.metadata().unwrap_or_default();
    let body = found.take_body();
    let mut response = Response::from_body(body).with_header("x-generation", generation);
    if !metadata.is_empty() {
        response.set_header("x-metadata", &metadata[..]);
    }
    Ok(response)
}

fn insert(store: &KVStore, key: &str, request: &mut Request) -> Result<Response, KVStoreError> {
    let header = |name: &str| request.get_header_str(name).map(str::to_owned);
    let mut insert = store.build_insert();
    insert = match header("x-mode").as_deref() {
        Some("add") => insert.mode(InsertMode::Add),
        Some("append") => insert.mode(InsertMode::Append),
        Some("prepend") => insert.mode(InsertMode::Prepend),
        _ => insert,
    };
    if let Some(metadata) = header("x-metadata") {
        insert = insert.metadata(&metadata);
    }
    if let Some(seconds) = header("x-ttl") {
        insert = insert.time_to_live(Duration::from_secs(seconds.parse().expect("a number")));
    }
    if let Some(generation) = header("x-generation") {
        insert = insert.if_generation_match(generation.parse().expect("a number"));
    }
    if header("x-background").is_some() {
        insert = insert.background_fetch();
    }
    insert.execute(key, request.take_body())?;
    Ok(Response::from_body("ok"))
}

/// One page; the cursor is in a header.
fn list(store: &KVStore, request: &Request) -> Result<Response, KVStoreError> {
    let mut list = store.build_list();
    if let Some(prefix) = request.get_header_str("x-prefix") {
        list = list.prefix(prefix);
    }
    if let Some(cursor) = request.get_header_str("x-cursor") {
        list = list.cursor(cursor);
    }
    if let Some(limit) = request.get_header_str("x-limit") {
        list = list.limit(limit.parse().expect("a number"));
    }
    if request.get_header_str("x-eventual").is_some() {
        list = list.eventual_consistency();
    }
    let page = list.execute()?;
    let mut response = Response::from_body(page.keys().join("\n"))
        .with_header("x-limit", page.limit().to_string());
    if let Some(cursor) = page.next_cursor() {
        response.set_header("x-cursor", cursor);
    }
    Ok(response)
}

/// How many keys there are, as the SDK's iterator walks them.
fn count(store: &KVStore, request: &Request) -> Result<Response, KVStoreError> {
    let mut list = store.build_list().limit(1000);
    if let Some(prefix) = request.get_header_str("x-prefix") {
        list = list.prefix(prefix);
    }
    let (mut keys, mut pages) = (0, 0);
    for page in list.iter() {
        keys += page?.keys().len();
        pages += 1;
    }
    Ok(Response::from_body(format!("{keys} keys, {pages} pages")))
}

/// Begins operations together and waits for them in another order.
fn many(store: &KVStore, prefix: &str) -> Result<Response, KVStoreError> {
    let key = |n: usize| format!("{prefix}{n}");
    let mut inserts = Vec::new();
    for n in 0..8 {
        inserts.push(store.build_insert().execute_async(&key(n), n.to_string())?);
    }
    for insert in inserts.into_iter().rev() {
        store.pending_insert_wait(insert)?;
    }
    let mut lookups = Vec::new();
    for n in 0..9 {
        lookups.push(store.build_lookup().execute_async(&key(n))?);
    }
    let delete = store.build_delete().execute_async(&key(0))?;
    let list = store.build_list().prefix(prefix).execute_async()?;
    let mut values = String::new();
    for lookup in lookups {
        match store.pending_lookup_wait(lookup) {
            Ok(mut found) => values += &found.take_body().into_string(),
            Err(error) => values += &format!(" {}", name(&error)),
        }
    }
    store.pending_delete_wait(delete)?;
    let listed = store.pending_list_wait(list)?.into_keys().len();
    let left = store
        .build_list()
        .prefix(prefix)
        .execute()?
        .into_keys()
        .len();
    assert!(listed == 7 || listed == 8, "{listed}");
    Ok(Response::from_body(format!("{values}, {left} left")))
}
