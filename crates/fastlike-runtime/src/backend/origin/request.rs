//! What a guest's request becomes on its way to an origin.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri, Version};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Instant;

use crate::backend::{BackendInfo, SendError, host};
use crate::http::{Body, BodyError, TakesTrailers, hop_by_hop};

/// The request as it goes on the wire: HTTP/1.1, origin-form, with one `host`
/// and without the fields that concern one connection only. `prefix` goes
/// before its path and does not end with a slash.
pub(super) fn prepare(
    request: Request<Body>,
    prefix: &str,
    info: &BackendInfo,
    upgrade: bool,
) -> Result<Request<RequestBody>, SendError> {
    let (mut parts, body) = request.into_parts();
    if parts.method == Method::CONNECT {
        return Err(SendError::Protocol(
            "a CONNECT request cannot be sent to a backend".to_owned(),
        ));
    }
    let protocol = upgrade
        .then(|| parts.headers.get(UPGRADE).cloned())
        .flatten();
    let trailers = hop_by_hop::strip(&mut parts.headers);
    if trailers {
        let trailers = HeaderValue::from_static("trailers");
        parts.headers.insert(TE, trailers);
    }
    if let Some(about) = connection_options(trailers, protocol.is_some()) {
        let about = HeaderValue::from_static(about);
        parts.headers.insert(CONNECTION, about);
    }
    if let Some(protocol) = protocol {
        parts.headers.insert(UPGRADE, protocol);
    }
    host::choose(&mut parts.headers, &parts.uri, info)?;
    parts.uri = target(&parts.uri, prefix)?;
    parts.version = Version::HTTP_11;
    frame(&parts.method, &mut parts.headers, &body);
    Ok(Request::from_parts(parts, RequestBody::new(body)))
}

/// The fields that concern the next connection only.
fn connection_options(trailers: bool, upgrade: bool) -> Option<&'static str> {
    match (trailers, upgrade) {
        (true, true) => Some("te, upgrade"),
        (true, false) => Some("te"),
        (false, true) => Some("upgrade"),
        (false, false) => None,
    }
}

fn target(uri: &Uri, prefix: &str) -> Result<Uri, SendError> {
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    // `OPTIONS *` is about the server, not about anything below the prefix.
    let path_and_query = if prefix.is_empty() && path.starts_with('/') || path == "*" {
        match uri.path_and_query() {
            Some(path_and_query) => path_and_query.clone(),
            None => PathAndQuery::from_static("/"),
        }
    } else {
        let slash = if path.starts_with('/') { "" } else { "/" };
        let joined = Bytes::from(format!("{prefix}{slash}{path}"));
        PathAndQuery::from_maybe_shared(joined)
            .map_err(|error| SendError::InvalidUri(error.to_string()))?
    };
    Ok(Uri::from(path_and_query))
}

/// Makes the framing say what the body is; hyper does the rest.
pub(super) fn frame(method: &Method, headers: &mut HeaderMap, body: &Body) {
    if body.is_end_stream() {
        // A length without its bytes would swallow the next request on the
        // same connection (RFC 9112 section 11.2).
        if headers.contains_key(CONTENT_LENGTH)
            || matches!(*method, Method::POST | Method::PUT | Method::PATCH)
        {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
    } else if body.size_hint().exact().is_none()
        && !headers.contains_key(CONTENT_LENGTH)
        && !headers.contains_key(TRANSFER_ENCODING)
    {
        // hyper would leave out the body of a GET whose length it doesn't know.
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// The same request once more, if its body is not lost with it.
pub(super) fn again(request: &Request<RequestBody>) -> Option<Request<()>> {
    if !request.body().is_end_stream() {
        return None;
    }
    let mut again = Request::new(());
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    Some(again)
}

/// A request's body, which notes how far its sending has come.
pub(super) struct RequestBody {
    body: Body,
    /// None for a body without content.
    progress: Option<Arc<Progress>>,
}

/// How far the sending of a request's body has come.
#[derive(Debug)]
pub(super) struct Progress {
    start: Instant,
    /// When the last piece was taken, in microseconds after the start.
    last: AtomicU64,
    /// The connection could take more, but the guest has not written it yet.
    waiting_for_guest: AtomicBool,
}

impl Progress {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            last: AtomicU64::new(0),
            waiting_for_guest: AtomicBool::new(false),
        }
    }

    fn note(&self, waiting: bool) {
        if !waiting {
            let since = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.last.store(since, Ordering::Relaxed);
        }
        self.waiting_for_guest.store(waiting, Ordering::Relaxed);
    }

    /// Since when it is the origin's turn; `None` while it is the guest's.
    pub(super) fn origins_turn_since(&self) -> Option<Instant> {
        if self.waiting_for_guest.load(Ordering::Relaxed) {
            return None;
        }
        let last = Duration::from_micros(self.last.load(Ordering::Relaxed));
        self.start.checked_add(last)
    }
}

impl RequestBody {
    pub(super) fn new(body: impl Into<Body>) -> Self {
        let body = body.into();
        let progress = (!body.is_end_stream()).then(|| Arc::new(Progress::new()));
        Self { body, progress }
    }

    pub(super) fn inner(&self) -> &Body {
        &self.body
    }

    /// Keeps to the trailers that HTTP/1.1 can send after this head.
    pub(super) fn announce_trailers(&mut self, headers: &mut HeaderMap) {
        let announced = TakesTrailers::Announced;
        self.body
            .announce_trailers(announced, headers, &HeaderMap::new());
    }

    pub(super) fn progress(&self) -> Option<Arc<Progress>> {
        self.progress.clone()
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        if let Some(progress) = &this.progress {
            progress.note(frame.is_pending());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(uri: &str, headers: &[(&str, &'static str)]) -> Request<Body> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).expect("a request")
    }

    fn prepared(request: Request<Body>, prefix: &str) -> http::request::Parts {
        let info = BackendInfo::new("backend.example", 80, false);
        let request = prepare(request, prefix, &info, false).expect("can be sent");
        request.into_parts().0
    }

    #[test]
    fn the_target_is_origin_form_below_the_prefix() {
        for (uri, at_root, at_prefix) in [
            ("https://x.example/a/b?c=d", "/a/b?c=d", "/base/a/b?c=d"),
            ("https://x.example", "/", "/base/"),
            ("https://x.example?q", "/?q", "/base/?q"),
            ("/only/path", "/only/path", "/base/only/path"),
            ("*", "*", "*"),
        ] {
            assert_eq!(prepared(get(uri, &[]), "").uri, at_root, "{uri}");
            assert_eq!(prepared(get(uri, &[]), "/base").uri, at_prefix, "{uri}");
        }
    }

    #[test]
    fn fields_of_one_connection_are_not_forwarded() {
        let headers = [
            ("connection", "close, x-hop , Keep-Alive"),
            ("connection", "cdn-loop"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("upgrade", "websocket"),
            ("x-hop", "1"),
            ("te", "gzip"),
            ("cdn-loop", "fastlike"),
            ("x-end", "1"),
        ];
        let parts = prepared(get("/", &headers), "");
        let mut names: Vec<_> = parts.headers.keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["cdn-loop", "host", "x-end"]);
    }

    #[test]
    fn of_te_only_trailers_is_forwarded() {
        let headers = [("te", "gzip, Trailers"), ("connection", "te")];
        let parts = prepared(get("/", &headers), "");
        assert_eq!(parts.headers[TE], "trailers");
        assert_eq!(parts.headers[CONNECTION], "te");
    }

    #[test]
    fn an_upgrade_is_forwarded_only_if_it_is_asked_for() {
        let headers = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
        ];
        let info = BackendInfo::new("backend.example", 80, false);
        let request = prepare(get("/", &headers), "", &info, true).expect("can be sent");
        assert_eq!(request.headers()[UPGRADE], "websocket");
        assert_eq!(request.headers()[CONNECTION], "upgrade");
        let parts = prepared(get("/", &headers), "");
        assert!(!parts.headers.contains_key(UPGRADE));
    }

    #[test]
    fn an_absent_body_cannot_claim_a_length() {
        let request = get("/", &[("content-length", "10")]);
        let parts = prepared(request, "");
        assert_eq!(parts.headers[CONTENT_LENGTH], "0");
        let parts = prepared(get("/", &[]), "");
        assert!(!parts.headers.contains_key(CONTENT_LENGTH));
    }

    #[test]
    fn connect_is_refused() {
        let mut request = get("/", &[]);
        *request.method_mut() = Method::CONNECT;
        let info = BackendInfo::new("backend.example", 80, false);
        let error = prepare(request, "", &info, false).err();
        assert!(
            matches!(&error, Some(SendError::Protocol(why)) if why.contains("CONNECT")),
            "{error:?}"
        );
    }
}
