//! Purging: `/service/ID/purge` and `/service/ID/purge_all`.

use fastlike_runtime::Body;
use http::Method;
use serde::Deserialize;
use serde_json::{Map, json};

use super::Call;
use crate::answer::{Answer, Problem, ok};
use crate::body;
use crate::limits;

pub(super) async fn route(call: &Call<'_>, body: Body, what: &str, keys: &[&str]) -> Answer {
    if call.method() != Method::POST {
        return Err(Problem::method("POST"));
    }
    match (what, keys) {
        ("purge", []) => several(call, body).await,
        ("purge", key) => one(call, &key.join("/")),
        ("purge_all", []) => Err(Problem::not_here(
            "fastlike has no purge of everything: purge by surrogate key",
        )),
        _ => Err(Problem::not_found(
            "there are purge, purge/KEY and purge_all",
        )),
    }
}

/// The platform's third way to purge.
pub(super) fn by_url() -> Problem {
    Problem::not_here("fastlike does not purge by URL: purge by surrogate key")
}

fn is_soft(call: &Call<'_>) -> Result<bool, Problem> {
    Ok(call
        .asked
        .header("fastly-soft-purge")?
        .is_some_and(|soft| soft.trim() != "0"))
}

fn one(call: &Call<'_>, key: &str) -> Answer {
    let id = purge(call, key, is_soft(call)?)?;
    ok(&json!({ "status": "ok", "id": id }))
}

#[derive(Debug, Deserialize)]
struct Keys {
    surrogate_keys: Vec<String>,
}

/// The keys of the header `Surrogate-Key`, else of a JSON document.
async fn several(call: &Call<'_>, body: Body) -> Answer {
    let header = call.asked.header("surrogate-key")?;
    let keys: Vec<String> = match header {
        Some(keys) => keys.split_ascii_whitespace().map(str::to_owned).collect(),
        None => body::json::<Keys>(body).await?.surrogate_keys,
    };
    if keys.is_empty() {
        return Err(Problem::bad_request("no surrogate key is named"));
    }
    if keys.len() > limits::PURGE_KEYS {
        let most = limits::PURGE_KEYS;
        let detail = format!(
            "a purge has at most {most} keys, and this one has {}",
            keys.len()
        );
        return Err(Problem::bad_request(detail));
    }
    let soft = is_soft(call)?;
    let mut ids = Map::new();
    for key in keys {
        let id = purge(call, &key, soft)?;
        ids.insert(key, id.into());
    }
    ok(&ids)
}

fn purge(call: &Call<'_>, key: &str, soft: bool) -> Result<String, Problem> {
    let purged = call.service.purge(key, soft);
    purged.map_err(|error| Problem::bad_request(error.to_string()))
}
