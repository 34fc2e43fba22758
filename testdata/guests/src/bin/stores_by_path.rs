//! Answers `/KIND/STORE/KEY` with what the store has under the key: KIND is `kv`, `config`,
//! `secret` or `acl`, where the key is an address. 404 if there is no such store or key.

use fastly::acl::Acl;
use fastly::http::StatusCode;
use fastly::{ConfigStore, Error, KVStore, Request, Response, SecretStore};

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let mut path = request.get_path().trim_start_matches('/').splitn(3, '/');
    let (kind, store, key) = (path.next(), path.next(), path.next());
    let (Some(kind), Some(store), Some(key)) = (kind, store, key) else {
        return Ok(Response::from_status(StatusCode::BAD_REQUEST));
    };
    let found = match kind {
        "kv" => return kv(store, key),
        "config" => ConfigStore::try_open(store)
            .ok()
            .and_then(|store| store.get(key)),
        "secret" => SecretStore::open(store)
            .ok()
            .and_then(|store| store.get(key))
            .map(|secret| String::from_utf8_lossy(&secret.plaintext()).into_owned()),
        "acl" => Acl::open(store)?
            .try_lookup(key.parse()?)?
            .map(|found| format!("{} {:?}", found.prefix(), found.action())),
        _ => None,
    };
    Ok(match found {
        Some(found) => Response::from_body(found),
        None => Response::from_status(StatusCode::NOT_FOUND),
    })
}

/// The value, with its metadata and generation in headers.
fn kv(store: &str, key: &str) -> Result<Response, Error> {
    let Ok(Some(store)) = KVStore::open(store) else {
        return Ok(Response::from_status(StatusCode::NOT_FOUND));
    };
    let Ok(mut entry) = store.lookup(key) else {
        return Ok(Response::from_status(StatusCode::NOT_FOUND));
    };
    let metadata = entry.metadata().unwrap_or_default();
    Ok(Response::from_body(entry.take_body())
        .with_header("x-metadata", &metadata[..])
        .with_header("x-generation", entry.current_generation().to_string()))
}
