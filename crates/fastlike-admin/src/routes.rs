//! Which path is for what.

use fastlike_runtime::{Body, Current};
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;

use crate::answer::{Answer, Problem, Reply, reply, text};
use crate::api::{self, Call};
use crate::body;
use crate::guard::Guard;
use crate::metrics::{self, Metrics};
use crate::request::{self, Asked};
use crate::token::Token;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) guard: Guard,
    pub(crate) current: Current,
    pub(crate) metrics: Metrics,
    /// When the listener began, which stands for when stores were made.
    pub(crate) since: String,
    /// What digests of secrets are made with.
    pub(crate) key: Token,
}

impl Desk {
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Reply {
        let is_head = request.method() == Method::HEAD;
        let answered = self.route(request).await;
        let mut reply = answered.unwrap_or_else(Problem::into_reply);
        if is_head {
            // hyper keeps the length that this body would have had. Where there
            // is none to have, none is told (RFC 9110 section 8.6).
            let has_body = reply.status() != StatusCode::NO_CONTENT;
            let length = reply.body().known_length().filter(|_| has_body);
            let headers = reply.headers_mut();
            if let Some(length) = length {
                headers.insert(http::header::CONTENT_LENGTH, length.into());
            }
            *reply.body_mut() = Body::empty();
        }
        reply
    }

    async fn route(&self, request: Request<Incoming>) -> Answer {
        request::check_head(&request)?;
        self.guard.page(&request)?;
        let (parts, incoming) = request.into_parts();
        if let Some(answer) = self.open(&parts) {
            return answer;
        }
        self.guard.token(&parts.headers)?;
        if parts.uri.path() == "/metrics" {
            return only_read(&parts.method).map(|()| self.metrics_page());
        }
        let call = Call {
            asked: Asked::new(parts)?,
            service: self.current.get(),
            desk: self,
        };
        api::route(&call, body::timed(incoming)).await
    }

    /// What needs no token.
    fn open(&self, parts: &http::request::Parts) -> Option<Answer> {
        let page = match parts.uri.path() {
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" => self.ready(),
            "/metrics" if self.guard.is_local() => self.metrics_page(),
            // The official CLI asks the platform's accounts for this before
            // each command; it has everything it needs then.
            "/realms/fastly/.well-known/openid-configuration" => {
                reply(StatusCode::OK, "application/json", "{}")
            }
            _ => return None,
        };
        Some(only_read(&parts.method).map(|()| page))
    }

    fn ready(&self) -> Reply {
        if self.current.get().occupancy().draining {
            text(StatusCode::SERVICE_UNAVAILABLE, "draining\n")
        } else {
            text(StatusCode::OK, "ready\n")
        }
    }

    fn metrics_page(&self) -> Reply {
        let page = self.metrics.render(&self.current.get());
        reply(StatusCode::OK, metrics::CONTENT_TYPE, page)
    }
}

fn only_read(method: &Method) -> Result<(), Problem> {
    match *method {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(Problem::method("GET, HEAD")),
    }
}
