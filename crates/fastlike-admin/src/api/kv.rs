//! KV stores: `/resources/stores/kv`.

use std::time::Duration;

use bytes::Bytes;
use fastlike_runtime::{Body, KvError, KvInsert, KvList, KvListMode, KvMode, KvStore};
use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Call, NewStore, batch, exists, named, no_renaming};
use crate::answer::{Answer, Problem, empty, json as document, ok, reply};
use crate::body;
use crate::limits;
use crate::page::Page;
use crate::request::Asked;

pub(super) async fn route(call: &Call<'_>, body: Body, path: &[&str]) -> Answer {
    let method = call.method().clone();
    match path {
        [] | [""] => match method {
            Method::GET | Method::HEAD => stores(call),
            Method::POST => create(call, body).await,
            _ => Err(Problem::method("GET, HEAD, POST")),
        },
        [id] => match method {
            Method::GET | Method::HEAD => describe(call, id),
            Method::DELETE => remove(call, id).await,
            Method::PUT => Err(no_renaming()),
            _ => Err(Problem::method("GET, HEAD, DELETE")),
        },
        [id, "keys" | "batch"] if method == Method::PUT => {
            batch::put(&store(call, id)?, body).await
        }
        [_, "batch"] => Err(Problem::method("PUT")),
        [id, "keys"] => match method {
            Method::GET | Method::HEAD => keys(call, id),
            _ => Err(Problem::method("GET, HEAD, PUT")),
        },
        // A key may have slashes, encoded or not.
        [id, "keys", key @ ..] => {
            let key = key.join("/");
            match method {
                Method::GET | Method::HEAD => get(call, id, &key),
                Method::PUT => put(call, body, id, &key).await,
                Method::DELETE => delete(call, id, &key).await,
                _ => Err(Problem::method("GET, HEAD, PUT, DELETE")),
            }
        }
        _ => Err(Problem::not_found("a KV store has keys and batch")),
    }
}

fn store(call: &Call<'_>, id: &str) -> Result<KvStore, Problem> {
    let stores = call.service.state().kv_stores();
    let missing = || Problem::no_store("KV store", id, &stores.names());
    stores.get(id).ok_or_else(missing)
}

fn shown(call: &Call<'_>, name: &str) -> Value {
    let since = &call.desk.since;
    json!({ "id": name, "name": name, "created_at": since, "updated_at": since })
}

fn stores(call: &Call<'_>) -> Answer {
    let names = named(&call.asked, call.service.state().kv_stores().names());
    let total = names.len();
    let (names, mut meta) = Page::asked(&call.asked)?.of(names, |name| name);
    if let Some(meta) = meta.as_object_mut() {
        meta.insert("total".to_owned(), total.into());
    }
    let data: Vec<Value> = names.iter().map(|name| shown(call, name)).collect();
    ok(&json!({ "data": data, "meta": meta }))
}

async fn create(call: &Call<'_>, body: Body) -> Answer {
    let NewStore { name } = body::json(body).await?;
    let stores = call.service.state().kv_stores().clone();
    let wanted = name.clone();
    let made = blocking(move || stores.create_new(&wanted)).await?;
    made.ok_or_else(|| exists("a KV store", &name))?;
    Ok(document(StatusCode::CREATED, &shown(call, &name)))
}

fn describe(call: &Call<'_>, id: &str) -> Answer {
    store(call, id)?;
    ok(&shown(call, id))
}

/// As on the platform, a store must be empty to be removed.
async fn remove(call: &Call<'_>, id: &str) -> Answer {
    store(call, id)?;
    let (stores, name) = (call.service.state().kv_stores().clone(), id.to_owned());
    if !blocking(move || stores.remove_if_empty(&name)).await? {
        let detail = format!("the KV store {id:?} has keys: delete them first");
        return Err(Problem::conflict(detail));
    }
    empty(StatusCode::NO_CONTENT)
}

/// Does what may wait for a disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KvError> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    let failed = |error: tokio::task::JoinError| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Problem::new(status, "Internal error", error.to_string())
    };
    Ok(done.map_err(failed)??)
}

fn keys(call: &Call<'_>, id: &str) -> Answer {
    let asked = &call.asked;
    let mode = match asked.query("consistency").as_deref() {
        None | Some("" | "strong") => KvListMode::Strong,
        Some("eventual") => KvListMode::Eventual,
        Some(other) => {
            let detail = format!("consistency is strong or eventual, not {other:?}");
            return Err(Problem::bad_request(detail));
        }
    };
    let limit = asked.number("limit")?.filter(|limit| *limit > 0);
    let limit = limit.unwrap_or(limits::PAGE_KEYS);
    // A `+` that was not encoded has become a blank.
    let cursor = asked.query("cursor").map(|cursor| cursor.replace(' ', "+"));
    let list = KvList {
        prefix: asked.query("prefix").filter(|prefix| !prefix.is_empty()),
        cursor: cursor.filter(|cursor| !cursor.is_empty()),
        limit: Some(u32::try_from(limit).unwrap_or(u32::MAX)),
        mode,
    };
    ok(&store(call, id)?.list(&list)?)
}

const GENERATION: HeaderName = HeaderName::from_static("generation");
const METADATA: HeaderName = HeaderName::from_static("metadata");
/// What is to be known about an answer that the platform would not give.
const NOTE: HeaderName = HeaderName::from_static("fastlike-note");

const NO_METADATA: &str = "the metadata is left out: it has bytes that no header can carry";

fn get(call: &Call<'_>, id: &str, key: &str) -> Answer {
    let Some(entry) = store(call, id)?.lookup(key)? else {
        let detail = format!("the KV store {id:?} has no key {key:?}");
        return Err(Problem::not_found(detail));
    };
    let mut reply = reply(StatusCode::OK, "application/octet-stream", entry.value);
    let headers = reply.headers_mut();
    headers.insert(GENERATION, entry.generation.into());
    // A guest may have stored what no header can carry.
    match HeaderValue::from_maybe_shared(entry.metadata) {
        Ok(metadata) => headers.insert(METADATA, metadata),
        Err(_) => headers.insert(NOTE, HeaderValue::from_static(NO_METADATA)),
    };
    Ok(reply)
}

/// How a value is to be stored, from the parameters and headers of the API.
fn options(asked: &Asked) -> Result<KvInsert, Problem> {
    let modes = [
        ("add", KvMode::Add),
        ("append", KvMode::Append),
        ("prepend", KvMode::Prepend),
    ];
    let mut options = KvInsert::default();
    for (name, mode) in modes {
        if !asked.flag(name)? {
            continue;
        }
        if options.mode != KvMode::Overwrite {
            let detail = "one of add, append and prepend, not several";
            return Err(Problem::bad_request(detail));
        }
        options.mode = mode;
    }
    // Whether old values may be seen for a moment: here they never are.
    asked.flag("background_fetch")?;
    if let Some(metadata) = asked.headers().get(METADATA) {
        options.metadata = Bytes::copy_from_slice(metadata.as_bytes());
    }
    options.ttl = asked
        .header_number("time_to_live_sec")?
        .map(Duration::from_secs);
    options.if_generation_match = asked.header_number("if-generation-match")?;
    Ok(options)
}

async fn put(call: &Call<'_>, value: Body, id: &str, key: &str) -> Answer {
    let store = store(call, id)?;
    let options = options(&call.asked)?;
    let most = u64::try_from(limits::VALUE).unwrap_or(u64::MAX);
    if value.known_length().is_some_and(|length| length > most) {
        return Err(Problem::too_large("a value", limits::VALUE));
    }
    let generation = store.insert(key, value, options).await?;
    let mut reply = reply(StatusCode::OK, "", Body::empty());
    reply.headers_mut().insert(GENERATION, generation.into());
    Ok(reply)
}

async fn delete(call: &Call<'_>, id: &str, key: &str) -> Answer {
    let store = store(call, id)?;
    let wanted: Option<u64> = call.asked.header_number("if-generation-match")?;
    let deleted = match wanted {
        Some(generation) => store.delete_if(key, generation).await,
        None => store.delete(key).await,
    };
    match deleted {
        Ok(_) => empty(StatusCode::NO_CONTENT),
        Err(KvError::NotFound) if call.asked.flag("force")? => empty(StatusCode::NO_CONTENT),
        Err(error) => Err(error.into()),
    }
}
