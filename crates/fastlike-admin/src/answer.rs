//! What is answered, in the shapes of the platform's API.

use fastlike_runtime::{Body, KvError, StoreError};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

/// The answer to a request.
pub(crate) type Reply = Response<Body>;

/// A good answer or a problem.
pub(crate) type Answer = Result<Reply, Problem>;

/// An answer with this content.
pub(crate) fn reply(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Body>,
) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    if !content_type.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let nosniff = HeaderName::from_static("x-content-type-options");
    headers.insert(nosniff, HeaderValue::from_static("nosniff"));
    reply
}

/// A JSON document.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    // What is answered is made of strings, numbers and lists of them.
    let text = serde_json::to_vec(value).unwrap_or_default();
    reply(status, "application/json", text)
}

/// A good JSON document.
pub(crate) fn ok(value: &impl Serialize) -> Answer {
    Ok(json(StatusCode::OK, value))
}

/// What the API answers to a change that leaves nothing to show.
pub(crate) fn done() -> Answer {
    ok(&json!({ "status": "ok" }))
}

/// Nothing but a status.
pub(crate) fn empty(status: StatusCode) -> Answer {
    Ok(reply(status, "", Body::empty()))
}

/// Text for people.
pub(crate) fn text(status: StatusCode, text: &'static str) -> Reply {
    reply(status, "text/plain; charset=utf-8", text)
}

/// Why a request is not carried out, in the API's two fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// What it is, in a few words.
    pub(crate) msg: &'static str,
    /// What it is about, and what helps.
    pub(crate) detail: String,
    /// The methods that would do, with a 405.
    pub(crate) allow: &'static str,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, msg: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            msg,
            detail: detail.into(),
            allow: "",
        }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Bad request", detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Record not found", detail)
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "Conflict", detail)
    }

    pub(crate) fn too_large(what: &str, most: usize) -> Self {
        let detail = format!("{what} has at most {most} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large", detail)
    }

    /// What the platform has and a local service has not.
    pub(crate) fn not_here(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "Not implemented", detail)
    }

    /// The path is known, but not with this method.
    pub(crate) fn method(allow: &'static str) -> Self {
        let detail = format!("this path takes {allow}");
        let msg = "Method not allowed";
        Self {
            allow,
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, msg, detail)
        }
    }

    /// There is no store of this name among those.
    pub(crate) fn no_store(kind: &str, name: &str, names: &[String]) -> Self {
        let there = match names {
            [] => "there is none".to_owned(),
            names => format!("there are: {}", names.join(", ")),
        };
        Self::not_found(format!("no {kind} is named {name:?}; {there}"))
    }

    pub(crate) fn into_reply(self) -> Reply {
        let document = json!({ "msg": self.msg, "detail": self.detail });
        let mut reply = json(self.status, &document);
        if !self.allow.is_empty() {
            let allow = HeaderValue::from_static(self.allow);
            reply.headers_mut().insert(ALLOW, allow);
        }
        reply
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let status = match &error {
            StoreError::Full { .. } => StatusCode::INSUFFICIENT_STORAGE,
            StoreError::Computed => StatusCode::CONFLICT,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, "The store does not take this", error.to_string())
    }
}

impl From<KvError> for Problem {
    fn from(error: KvError) -> Self {
        let status = match &error {
            KvError::NotFound => StatusCode::NOT_FOUND,
            KvError::Precondition => StatusCode::PRECONDITION_FAILED,
            KvError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            KvError::Busy => StatusCode::TOO_MANY_REQUESTS,
            KvError::Full { .. } | KvError::DiskFull | KvError::Stores { .. } => {
                StatusCode::INSUFFICIENT_STORAGE
            }
            KvError::Removed => StatusCode::NOT_FOUND,
            KvError::Storage(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        let msg = match status {
            StatusCode::PRECONDITION_FAILED => "Precondition failed",
            StatusCode::NOT_FOUND => "Record not found",
            _ => "The KV store does not take this",
        };
        Self::new(status, msg, error.to_string())
    }
}
