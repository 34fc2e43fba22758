//! KV stores: `/resources/stores/kv`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fastlike_runtime::{Body, KvError, KvInsert, KvList, KvListMode, KvMode, KvStore};
use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, NewStore, named, no_renaming};
use crate::answer::{Answer, Problem, empty, json as document, ok, reply};
use crate::body::{self, Lines};
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
        [id, "keys" | "batch"] if method == Method::PUT => batch(call, body, id).await,
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
    if stores.get(&name).is_some() {
        let detail = format!("there is a KV store named {name:?} already");
        return Err(Problem::conflict(detail));
    }
    let made = name.clone();
    // It may wait for a disk.
    blocking(move || stores.create(&made)).await?;
    Ok(document(StatusCode::CREATED, &shown(call, &name)))
}

fn describe(call: &Call<'_>, id: &str) -> Answer {
    store(call, id)?;
    ok(&shown(call, id))
}

/// As on the platform, a store must be empty to be removed.
async fn remove(call: &Call<'_>, id: &str) -> Answer {
    let one = KvList {
        limit: Some(1),
        ..KvList::default()
    };
    if !store(call, id)?.list(&one)?.keys.is_empty() {
        let detail = format!("the KV store {id:?} has keys: delete them first");
        return Err(Problem::conflict(detail));
    }
    let (stores, name) = (call.service.state().kv_stores().clone(), id.to_owned());
    blocking(move || stores.remove(&name)).await?;
    empty(StatusCode::NO_CONTENT)
}

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
    let limit = asked.number("limit")?.unwrap_or(0);
    let list = KvList {
        prefix: asked.query("prefix").filter(|prefix| !prefix.is_empty()),
        cursor: asked.query("cursor").filter(|cursor| !cursor.is_empty()),
        limit: Some(u32::try_from(limit).unwrap_or(u32::MAX)),
        mode,
    };
    ok(&store(call, id)?.list(&list)?)
}

const GENERATION: HeaderName = HeaderName::from_static("generation");
const METADATA: HeaderName = HeaderName::from_static("metadata");

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
        Ok(metadata) => drop(headers.insert(METADATA, metadata)),
        Err(_) => {
            let detail = format!("the metadata of {key:?} has bytes that no header can carry");
            return Err(Problem::conflict(detail));
        }
    }
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

/// A line of a batch.
#[derive(Debug, Deserialize)]
struct Item {
    key: String,
    /// In base64.
    value: String,
    #[serde(default)]
    metadata: Option<String>,
    #[serde(default)]
    time_to_live_sec: Option<u64>,
}

/// What was wrong with a line of a batch.
fn fault(index: usize, key: Option<&str>, problem: &Problem) -> Value {
    let code = problem.status.as_str();
    json!({ "index": index, "key": key, "code": code, "reason": problem.detail })
}

/// Stores one JSON object a line. Lines that cannot be stored are named, and
/// the others are stored.
async fn batch(call: &Call<'_>, body: Body, id: &str) -> Answer {
    let store = store(call, id)?;
    let mut lines = Lines::new(body);
    let mut faults = Vec::new();
    let mut index = 0_usize;
    while let Some(line) = lines.next().await? {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let failed = match serde_json::from_slice::<Item>(line) {
            Ok(item) => {
                let key = item.key.clone();
                let stored = insert(&store, item).await;
                stored.map_err(|problem| fault(index, Some(&key), &problem))
            }
            Err(error) => {
                let detail = format!("the line is not the JSON expected: {error}");
                Err(fault(index, None, &Problem::bad_request(detail)))
            }
        };
        if let Err(fault) = failed {
            faults.push(fault);
        }
        if faults.len() >= limits::BATCH_FAULTS {
            break;
        }
        index = index.saturating_add(1);
    }
    if faults.is_empty() {
        return ok(&json!({ "type": "", "title": "success", "errors": [] }));
    }
    let title = format!("{} lines of the batch were not stored", faults.len());
    let problem = json!({
        "type": "", "title": title, "msg": title, "detail": faults.first(), "errors": faults,
    });
    Ok(document(StatusCode::BAD_REQUEST, &problem))
}

async fn insert(store: &KvStore, item: Item) -> Result<u64, Problem> {
    let not_base64 = |error| Problem::bad_request(format!("the value is not base64: {error}"));
    let value = STANDARD.decode(item.value).map_err(not_base64)?;
    let options = KvInsert {
        metadata: item.metadata.map(Bytes::from).unwrap_or_default(),
        ttl: item.time_to_live_sec.map(Duration::from_secs),
        ..KvInsert::default()
    };
    Ok(store.insert(&item.key, value, options).await?)
}
