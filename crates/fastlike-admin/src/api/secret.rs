//! Secret stores: `/resources/stores/secret`. Their values are written and
//! never read.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastlike_runtime::{Body, Secret, SecretStore};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Call, NewStore, exists, named, no_renaming};
use crate::answer::{Answer, Problem, empty, json as document, ok};
use crate::body;
use crate::page::Page;

pub(super) async fn route(call: &Call<'_>, body: Body, path: &[&str]) -> Answer {
    let method = call.method().clone();
    match path {
        [] | [""] => match method {
            Method::GET | Method::HEAD => stores(call),
            Method::POST => create(call, body).await,
            _ => Err(Problem::method("GET, HEAD, POST")),
        },
        ["client-key" | "signing-key"] => Err(no_client_keys()),
        [id] => match method {
            Method::GET | Method::HEAD => describe(call, id),
            Method::DELETE => remove(call, id),
            Method::PUT => Err(no_renaming()),
            _ => Err(Problem::method("GET, HEAD, DELETE")),
        },
        [id, "secrets"] => match method {
            Method::GET | Method::HEAD => secrets(call, id),
            Method::POST => write(call, body, id, Before::Absent).await,
            Method::PUT => write(call, body, id, Before::Any).await,
            Method::PATCH => write(call, body, id, Before::There).await,
            _ => Err(Problem::method("GET, HEAD, POST, PUT, PATCH")),
        },
        [id, "secrets", name] => match method {
            Method::GET | Method::HEAD => get(call, id, name),
            Method::DELETE => delete(call, id, name),
            _ => Err(Problem::method("GET, HEAD, DELETE")),
        },
        _ => Err(Problem::not_found("a secret store has secrets")),
    }
}

/// The official CLI encrypts a secret with a key that must be signed by the
/// platform.
fn no_client_keys() -> Problem {
    Problem::not_here(
        "secrets cannot be sent encrypted with a client key, which only the platform can sign, \
         and so not with `fastly secret-store-entry create`: send them in base64 to \
         POST /resources/stores/secret/STORE/secrets",
    )
}

fn store(call: &Call<'_>, id: &str) -> Result<SecretStore, Problem> {
    let stores = call.service.secret_stores();
    let missing = || Problem::no_store("secret store", id, &stores.names());
    stores.get(id).ok_or_else(missing)
}

fn shown(call: &Call<'_>, name: &str) -> Value {
    json!({ "id": name, "name": name, "created_at": call.desk.since })
}

fn shown_secret(call: &Call<'_>, name: &str, secret: &Secret) -> Value {
    let digest = digest(call.desk.key.as_str(), secret.plaintext());
    json!({ "name": name, "digest": digest, "created_at": call.desk.since })
}

/// The same for the same secret, and no help in guessing it for those who do
/// not know the token.
fn digest(key: &str, secret: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    STANDARD.encode(hmac::sign(&key, secret))
}

fn stores(call: &Call<'_>) -> Answer {
    let names = named(&call.asked, call.service.secret_stores().names());
    let (names, meta) = Page::asked(&call.asked)?.of(names, |name| name);
    let data: Vec<Value> = names.iter().map(|name| shown(call, name)).collect();
    ok(&json!({ "data": data, "meta": meta }))
}

async fn create(call: &Call<'_>, body: Body) -> Answer {
    let NewStore { name } = body::json(body).await?;
    let made = call.service.secret_stores().create_new(&name)?;
    made.ok_or_else(|| exists("a secret store", &name))?;
    Ok(document(StatusCode::CREATED, &shown(call, &name)))
}

fn describe(call: &Call<'_>, id: &str) -> Answer {
    store(call, id)?;
    ok(&shown(call, id))
}

fn remove(call: &Call<'_>, id: &str) -> Answer {
    store(call, id)?;
    call.service.secret_stores().remove(id);
    empty(StatusCode::NO_CONTENT)
}

fn secrets(call: &Call<'_>, id: &str) -> Answer {
    let store = store(call, id)?;
    let (names, meta) = Page::asked(&call.asked)?.of(store.names(), |name| name);
    let shown = |name: &String| Some(shown_secret(call, name, &store.get(name)?));
    let data: Vec<Value> = names.iter().filter_map(shown).collect();
    ok(&json!({ "data": data, "meta": meta }))
}

fn no_secret(id: &str, name: &str) -> Problem {
    Problem::not_found(format!("the secret store {id:?} has no secret {name:?}"))
}

fn get(call: &Call<'_>, id: &str, name: &str) -> Answer {
    let secret = store(call, id)?
        .get(name)
        .ok_or_else(|| no_secret(id, name))?;
    ok(&shown_secret(call, name, &secret))
}

fn delete(call: &Call<'_>, id: &str, name: &str) -> Answer {
    if store(call, id)?.remove(name) {
        empty(StatusCode::NO_CONTENT)
    } else {
        Err(no_secret(id, name))
    }
}

/// What must be there before a secret is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Absent,
    There,
    Any,
}

#[derive(Deserialize)]
struct NewSecret {
    name: String,
    /// In base64.
    secret: String,
    #[serde(default)]
    client_key: Option<String>,
}

async fn write(call: &Call<'_>, body: Body, id: &str, before: Before) -> Answer {
    let store = store(call, id)?;
    let new: NewSecret = body::json(body).await?;
    if new.client_key.is_some() {
        return Err(no_client_keys());
    }
    let encoded = Zeroizing::new(new.secret);
    // Not what it says: an error of base64 names a byte.
    let not_base64 = |_| Problem::bad_request("the secret is not base64");
    let value = STANDARD.decode(encoded.as_bytes()).map_err(not_base64)?;
    let secret = Secret::new(value)?;
    let name = &new.name;
    let mut shown = shown_secret(call, name, &secret);
    let recreated = match before {
        Before::Any => store.insert(name, secret)?,
        Before::Absent => {
            if !store.insert_new(name, secret)? {
                let detail = format!("the secret store {id:?} has a secret {name:?} already");
                return Err(Problem::conflict(detail));
            }
            false
        }
        Before::There => {
            if !store.update(name, secret)? {
                return Err(no_secret(id, name));
            }
            true
        }
    };
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("recreated".to_owned(), recreated.into());
    }
    Ok(document(StatusCode::OK, &shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_secrets_apart_and_depends_on_the_token() {
        assert_eq!(digest("token", b"one"), digest("token", b"one"));
        assert_ne!(digest("token", b"one"), digest("token", b"two"));
        assert_ne!(digest("token", b"one"), digest("other", b"one"));
    }
}
