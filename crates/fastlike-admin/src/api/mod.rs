//! The platform's public API, as far as it is about what a service finds
//! while it runs. Paths, fields and statuses are those of
//! <https://www.fastly.com/documentation/reference/api/>.

mod acl;
mod batch;
mod config;
mod kv;
mod purge;
mod secret;

use fastlike_runtime::{Body, Fastlike};
use http::Method;

use crate::answer::{Answer, Problem};
use crate::request::Asked;
use crate::routes::Desk;

/// A request of the API, by somebody who may make it.
pub(crate) struct Call<'a> {
    pub(crate) asked: Asked,
    /// The service that is current.
    pub(crate) service: Fastlike,
    pub(crate) desk: &'a Desk,
}

impl Call<'_> {
    fn method(&self) -> &Method {
        &self.asked.parts.method
    }
}

/// Carries a request out.
pub(crate) async fn route(call: &Call<'_>, body: Body) -> Answer {
    let segments: Vec<&str> = call.asked.segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["resources", "stores", "kv", rest @ ..] => kv::route(call, body, rest).await,
        ["resources", "stores", "config", rest @ ..] => config::route(call, body, rest).await,
        ["resources", "stores", "secret", rest @ ..] => secret::route(call, body, rest).await,
        ["resources", "acls", rest @ ..] => acl::route(call, body, rest).await,
        ["service", _, what @ ("purge" | "purge_all"), keys @ ..] => {
            purge::route(call, body, what, keys).await
        }
        ["purge", ..] => Err(purge::by_url()),
        _ => Err(Problem::not_found(format!(
            "fastlike has no path {}: there are /resources/stores/kv, /resources/stores/config, \
             /resources/stores/secret, /resources/acls, /service/ID/purge, /metrics, /healthz \
             and /readyz",
            call.asked.parts.uri.path()
        ))),
    }
}

/// The name that a store is to be made with.
#[derive(Debug, serde::Deserialize)]
struct NewStore {
    name: String,
}

/// Stores whose `name` a client asked for, or all of them.
fn named(asked: &Asked, mut names: Vec<String>) -> Vec<String> {
    if let Some(wanted) = asked.query("name") {
        names.retain(|name| *name == wanted);
    }
    names
}

/// There is one of this name, so none was made; `what` is one.
fn exists(what: &str, name: &str) -> Problem {
    Problem::conflict(format!("there is {what} named {name:?} already"))
}

/// What cannot be done to a store whose id is its name.
fn no_renaming() -> Problem {
    Problem::not_here("a store's id is its name here, so it cannot be renamed")
}
