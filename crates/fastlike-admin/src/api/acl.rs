//! Access control lists: `/resources/acls`.

use std::net::IpAddr;

use fastlike_runtime::{Acl, AclChange, AclEntry, Body};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, NewStore, exists, named};
use crate::answer::{Answer, Problem, empty, ok};
use crate::body;
use crate::page::Page;

pub(super) async fn route(call: &Call<'_>, body: Body, path: &[&str]) -> Answer {
    let method = call.method().clone();
    match path {
        [] | [""] => match method {
            Method::GET | Method::HEAD => lists(call),
            Method::POST => create(call, body).await,
            _ => Err(Problem::method("GET, HEAD, POST")),
        },
        [id] => match method {
            Method::GET | Method::HEAD => describe(call, id),
            Method::DELETE => remove(call, id),
            _ => Err(Problem::method("GET, HEAD, DELETE")),
        },
        [id, "entries"] => match method {
            Method::GET | Method::HEAD => entries(call, id),
            Method::PATCH => change(call, body, id).await,
            _ => Err(Problem::method("GET, HEAD, PATCH")),
        },
        [id, "entry", address] => match method {
            Method::GET | Method::HEAD => lookup(call, id, address),
            _ => Err(Problem::method("GET, HEAD")),
        },
        _ => Err(Problem::not_found("an ACL has entries and entry")),
    }
}

fn list(call: &Call<'_>, id: &str) -> Result<Acl, Problem> {
    let acls = call.service.acls();
    let missing = || Problem::no_store("ACL", id, &acls.names());
    acls.get(id).ok_or_else(missing)
}

fn shown(name: &str) -> Value {
    json!({ "id": name, "name": name })
}

fn shown_entry(entry: &AclEntry) -> Value {
    let (prefix, action) = (entry.prefix.to_string(), entry.action.to_string());
    json!({ "prefix": prefix, "action": action })
}

fn lists(call: &Call<'_>) -> Answer {
    let names = named(&call.asked, call.service.acls().names());
    let data: Vec<Value> = names.iter().map(|name| shown(name)).collect();
    ok(&json!({ "data": data, "meta": { "total": data.len() } }))
}

async fn create(call: &Call<'_>, body: Body) -> Answer {
    let NewStore { name } = body::json(body).await?;
    let made = call.service.acls().create_new(&name)?;
    made.ok_or_else(|| exists("an ACL", &name))?;
    ok(&shown(&name))
}

fn describe(call: &Call<'_>, id: &str) -> Answer {
    list(call, id)?;
    ok(&shown(id))
}

fn remove(call: &Call<'_>, id: &str) -> Answer {
    list(call, id)?;
    call.service.acls().remove(id);
    empty(StatusCode::OK)
}

/// In the order of addresses.
fn entries(call: &Call<'_>, id: &str) -> Answer {
    let all = list(call, id)?.entries();
    let (entries, meta) = Page::asked(&call.asked)?.of(all, |entry| &entry.prefix);
    let entries: Vec<Value> = entries.iter().map(shown_entry).collect();
    ok(&json!({ "entries": entries, "meta": meta }))
}

fn lookup(call: &Call<'_>, id: &str, address: &str) -> Answer {
    let list = list(call, id)?;
    let wrong = |_| Problem::bad_request(format!("{address:?} is no IP address"));
    let address: IpAddr = address.parse().map_err(wrong)?;
    match list.lookup(address) {
        Some(entry) => ok(&shown_entry(&entry)),
        None => empty(StatusCode::NO_CONTENT),
    }
}

#[derive(Debug, Deserialize)]
struct Changes {
    entries: Vec<Change>,
}

#[derive(Debug, Deserialize)]
struct Change {
    op: Op,
    prefix: String,
    #[serde(default)]
    action: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    Create,
    Update,
    Delete,
}

/// Makes all changes, or none.
async fn change(call: &Call<'_>, body: Body, id: &str) -> Answer {
    let list = list(call, id)?;
    let Changes { entries } = body::json(body).await?;
    let changes: Result<Vec<AclChange>, Problem> = entries.into_iter().map(parsed).collect();
    list.change(&changes?)?;
    empty(StatusCode::ACCEPTED)
}

fn parsed(change: Change) -> Result<AclChange, Problem> {
    let Change { op, prefix, action } = change;
    if matches!(op, Op::Delete) {
        return Ok(AclChange::Remove(prefix.parse()?));
    }
    let missing = || Problem::bad_request(format!("the entry {prefix:?} has no action"));
    let action = action.ok_or_else(missing)?;
    Ok(AclChange::Set(AclEntry::parse(&prefix, &action)?))
}
