//! Config stores: `/resources/stores/config`.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastlike_runtime::{Body, ConfigStore};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, exists, named, no_renaming};
use crate::answer::{Answer, Problem, done, ok};
use crate::body::{self, Form};

type Entries = BTreeMap<String, Arc<str>>;

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
            Method::DELETE => remove(call, id),
            Method::PUT => Err(no_renaming()),
            _ => Err(Problem::method("GET, HEAD, DELETE")),
        },
        [id, "info"] if read(&method) => info(call, id),
        [id, "services"] if read(&method) => services(call, id),
        [_, "info" | "services"] => Err(Problem::method("GET, HEAD")),
        [id, "items"] => match method {
            Method::GET | Method::HEAD => items(call, id),
            Method::PATCH => change(call, body, id).await,
            _ => Err(Problem::method("GET, HEAD, PATCH")),
        },
        [id, "item"] if method == Method::POST => add(call, body, id).await,
        [_, "item"] => Err(Problem::method("POST")),
        [id, "item", key @ ..] => {
            let key = key.join("/");
            match method {
                Method::GET | Method::HEAD => get(call, id, &key),
                Method::PUT => put(call, body, id, &key, true).await,
                Method::PATCH => put(call, body, id, &key, false).await,
                Method::DELETE => delete(call, id, &key),
                _ => Err(Problem::method("GET, HEAD, PUT, PATCH, DELETE")),
            }
        }
        _ => Err(Problem::not_found(
            "a config store has info, services, items and item",
        )),
    }
}

fn read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn store(call: &Call<'_>, id: &str) -> Result<ConfigStore, Problem> {
    let stores = call.service.config_stores();
    let missing = || Problem::no_store("config store", id, &stores.names());
    stores.get(id).ok_or_else(missing)
}

fn shown(call: &Call<'_>, name: &str) -> Value {
    let since = &call.desk.since;
    json!({
        "id": name, "name": name, "created_at": since, "updated_at": since, "deleted_at": null,
    })
}

fn shown_item(call: &Call<'_>, id: &str, key: &str, value: &str) -> Value {
    let since = &call.desk.since;
    json!({
        "store_id": id, "item_key": key, "item_value": value,
        "created_at": since, "updated_at": since, "deleted_at": null,
    })
}

fn stores(call: &Call<'_>) -> Answer {
    let names = named(&call.asked, call.service.config_stores().names());
    let all: Vec<Value> = names.iter().map(|name| shown(call, name)).collect();
    ok(&all)
}

async fn create(call: &Call<'_>, body: Body) -> Answer {
    let form = Form::read(body).await?;
    let name = form.field("name")?;
    let made = call.service.config_stores().create_new(name)?;
    made.ok_or_else(|| exists("a config store", name))?;
    ok(&shown(call, name))
}

fn describe(call: &Call<'_>, id: &str) -> Answer {
    store(call, id)?;
    ok(&shown(call, id))
}

fn remove(call: &Call<'_>, id: &str) -> Answer {
    store(call, id)?;
    call.service.config_stores().remove(id);
    done()
}

fn info(call: &Call<'_>, id: &str) -> Answer {
    ok(&json!({ "item_count": store(call, id)?.entries().len() }))
}

/// The one service that there is finds all stores.
fn services(call: &Call<'_>, id: &str) -> Answer {
    store(call, id)?;
    let name = &call.service.summary().guest;
    ok(&json!([{ "id": name, "name": name, "type": "wasm" }]))
}

fn items(call: &Call<'_>, id: &str) -> Answer {
    let entries = store(call, id)?.entries();
    let shown = |(key, value): &(String, Arc<str>)| shown_item(call, id, key, value);
    let all: Vec<Value> = entries.iter().map(shown).collect();
    ok(&all)
}

fn no_item(id: &str, key: &str) -> Problem {
    Problem::not_found(format!("the config store {id:?} has no item {key:?}"))
}

fn get(call: &Call<'_>, id: &str, key: &str) -> Answer {
    let value = store(call, id)?.get(key).ok_or_else(|| no_item(id, key))?;
    ok(&shown_item(call, id, key, &value))
}

async fn add(call: &Call<'_>, body: Body, id: &str) -> Answer {
    let form = Form::read(body).await?;
    let (key, value) = (form.field("item_key")?, form.field("item_value")?);
    set(call, id, Op::Create, key, value)
}

/// Sets an item, which must be there already unless it is an `upsert`.
async fn put(call: &Call<'_>, body: Body, id: &str, key: &str, upsert: bool) -> Answer {
    let form = Form::read(body).await?;
    let op = if upsert { Op::Upsert } else { Op::Update };
    set(call, id, op, key, form.field("item_value")?)
}

fn set(call: &Call<'_>, id: &str, op: Op, key: &str, value: &str) -> Answer {
    store(call, id)?.change(|entries| op.apply(id, entries, key, Some(value)))?;
    ok(&shown_item(call, id, key, value))
}

fn delete(call: &Call<'_>, id: &str, key: &str) -> Answer {
    store(call, id)?.change(|entries| Op::Delete.apply(id, entries, key, None))?;
    done()
}

/// Several changes in one request.
#[derive(Debug, Deserialize)]
struct Changes {
    items: Vec<Change>,
}

#[derive(Debug, Deserialize)]
struct Change {
    op: Op,
    item_key: String,
    #[serde(default)]
    item_value: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    Create,
    Update,
    Upsert,
    Delete,
}

impl Op {
    /// Does it to the entries of the store `id`.
    fn apply(
        self,
        id: &str,
        entries: &mut Entries,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), Problem> {
        let there = entries.contains_key(key);
        match self {
            Self::Create if there => {
                let detail = format!("the config store {id:?} has an item {key:?} already");
                return Err(Problem::conflict(detail));
            }
            Self::Update | Self::Delete if !there => return Err(no_item(id, key)),
            Self::Delete => drop(entries.remove(key)),
            Self::Create | Self::Update | Self::Upsert => {
                let missing = || {
                    let detail = format!("the item {key:?} has no item_value");
                    Problem::bad_request(detail)
                };
                let value = value.ok_or_else(missing)?;
                entries.insert(key.to_owned(), Arc::from(value));
            }
        }
        Ok(())
    }
}

/// Makes all changes, or none.
async fn change(call: &Call<'_>, body: Body, id: &str) -> Answer {
    let store = store(call, id)?;
    let Changes { items } = body::json(body).await?;
    store.change(|entries| {
        items.iter().try_for_each(|item| {
            let value = item.item_value.as_deref();
            item.op.apply(id, entries, &item.item_key, value)
        })
    })?;
    done()
}
