//! Handing a client's request off: to an origin, connection and all, when it
//! is a WebSocket's, and to a GRIP proxy for Fanout.
//!
//! What a guest hands off is its own request, but for what belongs to the
//! client's connection and its hand-shake: that stays as the client sent it.

use std::sync::Arc;
use std::time::Duration;

use http::header::{
    CONNECTION, CONTENT_RANGE, EXPECT, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, TE, TRAILER, UPGRADE,
};
use http::{HeaderMap, Method, Uri};
use hyper::upgrade::OnUpgrade;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::backend::{Backend, BackendInfo, Origin, OriginError, SendError, host};
use crate::http::{Body, FramingMode, apply_framing, hop_by_hop};
use crate::limits::Limits;

const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");
const FASTLY_FF: HeaderName = HeaderName::from_static("fastly-ff");
const PUSHPIN_ROUTE: HeaderName = HeaderName::from_static("pushpin-route");

/// What a guest cannot change in a request that it hands off.
const CLIENTS_OWN: [HeaderName; 11] = [
    CDN_LOOP,
    CONNECTION,
    CONTENT_RANGE,
    FASTLY_FF,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION,
    TE,
    TRAILER,
    UPGRADE,
];

/// How requests of a service are handed off.
pub(crate) struct HandOffs {
    /// WebSockets may be.
    pub(crate) websockets: bool,
    /// Where Fanout requests go, if anywhere.
    pub(crate) grip_proxy: Option<Arc<dyn Backend>>,
    tunnels: Arc<Semaphore>,
}

impl HandOffs {
    /// `grip_proxy` is the HOST:PORT of a Pushpin.
    pub(crate) fn new(
        websockets: bool,
        grip_proxy: Option<&str>,
        limits: &Limits,
    ) -> Result<Self, OriginError> {
        let grip_proxy = grip_proxy.map(pushpin).transpose()?;
        Ok(Self {
            websockets,
            grip_proxy,
            tunnels: Arc::new(Semaphore::new(
                limits.max_tunnels.min(Semaphore::MAX_PERMITS),
            )),
        })
    }

    /// Room for one more tunnel, if there is.
    pub(crate) fn room(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.tunnels).try_acquire_owned().ok()
    }
}

/// A Pushpin answers when its origin has something to say, and then goes on
/// for as long as it likes: that is what it is for.
fn pushpin(address: &str) -> Result<Arc<dyn Backend>, OriginError> {
    let origin = Origin::new(&format!("http://{address}"))?
        .first_byte_timeout(Duration::ZERO)
        .between_bytes_timeout(Duration::ZERO);
    Ok(Arc::new(origin))
}

/// What is kept of a client's request that may be handed off.
pub(crate) struct Original {
    pub(crate) head: Head,
    /// The connection, once it speaks no HTTP any more. None if the client
    /// did not ask for that, or its connection cannot.
    pub(crate) upgrade: Option<OnUpgrade>,
    /// The body, after the guest closed it.
    pub(crate) body: Option<Body>,
}

/// A request without its body.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

impl Head {
    /// The request with what is the client's own as the client sent it.
    pub(crate) fn with_clients_own(mut self, client: &HeaderMap) -> Self {
        for name in CLIENTS_OWN {
            self.headers.remove(&name);
            for value in client.get_all(&name) {
                drop(self.headers.try_append(&name, value.clone()));
            }
        }
        self
    }

    /// True if it asks to speak WebSocket (RFC 6455 section 4.1).
    pub(crate) fn is_websocket(&self) -> bool {
        self.method == Method::GET
            && has_token(&self.headers, &CONNECTION, b"upgrade")
            && has_token(&self.headers, &UPGRADE, b"websocket")
    }

    /// The request as it goes to a backend, whose host it gets: its override,
    /// else its own. With `route`, it tells a Pushpin which of its routes to
    /// take.
    pub(crate) fn request(
        self,
        body: Body,
        backend: &BackendInfo,
        route: Option<&str>,
    ) -> Result<http::Request<Body>, SendError> {
        let (mut headers, websocket) = (self.headers.clone(), self.is_websocket());
        let trailers = hop_by_hop::strip(&mut headers);
        if trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        if websocket {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        // The content comes when the backend asks for it, or not at all.
        headers.remove(EXPECT);
        apply_framing(FramingMode::Automatic, &mut headers, body.known_length());
        headers.remove(HOST);
        let target = self.uri.path_and_query().cloned();
        let uri = target.map_or_else(Uri::default, Uri::from);
        host::choose(&mut headers, &uri, backend)?;
        headers.remove(PUSHPIN_ROUTE);
        if let Some(route) = route {
            let route = HeaderValue::from_str(route)
                .map_err(|_| SendError::Protocol("the backend's name is no header".to_owned()))?;
            headers.insert(PUSHPIN_ROUTE, route);
        }
        let mut request = http::Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &[u8]) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|one| one.trim_ascii().eq_ignore_ascii_case(token))
}

/// The head of a 101 without what concerned the origin's connection only.
pub(crate) fn switching(mut headers: HeaderMap) -> HeaderMap {
    let protocol = headers.get(UPGRADE).cloned();
    hop_by_hop::strip(&mut headers);
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocol) = protocol {
        headers.insert(UPGRADE, protocol);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a value"));
        }
        headers
    }

    fn head(uri: &str, pairs: &[(&'static str, &'static str)]) -> Head {
        Head {
            method: Method::GET,
            uri: uri.parse().expect("a URI"),
            headers: headers(pairs),
        }
    }

    const HANDSHAKE: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];

    #[test]
    fn a_guest_changes_what_is_not_the_clients_own() {
        let client = headers(&HANDSHAKE);
        let guest = head(
            "/",
            &[
                ("upgrade", "other"),
                ("sec-websocket-key", "mine"),
                ("cdn-loop", "none"),
                ("cookie", "mine"),
                ("sec-websocket-protocol", "chat"),
            ],
        );
        let merged = guest.with_clients_own(&client);
        assert!(merged.is_websocket());
        assert_eq!(merged.headers["sec-websocket-key"], HANDSHAKE[2].1);
        assert_eq!(merged.headers["cookie"], "mine");
        assert_eq!(merged.headers["sec-websocket-protocol"], "chat");
        assert!(!merged.headers.contains_key("cdn-loop"));
    }

    #[test]
    fn a_websocket_is_asked_for_with_get_and_both_headers() {
        assert!(head("/", &HANDSHAKE).is_websocket());
        let mut post = head("/", &HANDSHAKE);
        post.method = Method::POST;
        assert!(!post.is_websocket());
        for missing in ["connection", "upgrade"] {
            let mut without = head("/", &HANDSHAKE);
            without.headers.remove(missing);
            assert!(!without.is_websocket(), "{missing}");
        }
        let other = [("connection", "upgrade"), ("upgrade", "h2c")];
        assert!(!head("/", &other).is_websocket());
    }

    #[test]
    fn what_goes_to_a_backend_is_for_its_host_and_its_connection() {
        let mut pairs = HANDSHAKE.to_vec();
        pairs.extend([
            ("host", "client.example"),
            ("x-hop", "1"),
            ("connection", "x-hop"),
            ("pushpin-route", "elsewhere"),
            ("expect", "100-continue"),
            ("content-length", "7"),
        ]);
        let mut info = BackendInfo::new("origin.example", 8080, false);
        let asked = head("http://client.example/chat?room=1", &pairs);
        let sent = asked.clone().request(Body::empty(), &info, None);
        let sent = sent.expect("can be sent");
        assert_eq!(sent.uri(), "/chat?room=1");
        assert_eq!(sent.headers()["host"], "origin.example:8080");
        assert_eq!(sent.headers()["connection"], "upgrade");
        assert_eq!(sent.headers()["upgrade"], "websocket");
        for gone in ["x-hop", "pushpin-route", "expect", "content-length"] {
            assert!(!sent.headers().contains_key(gone), "{gone}");
        }
        info.override_host = Some("override.example".to_owned());
        let sent = asked
            .request(Body::empty(), &info, Some("api"))
            .expect("can be sent");
        assert_eq!(sent.headers()["host"], "override.example");
        assert_eq!(sent.headers()["pushpin-route"], "api");
    }

    #[test]
    fn of_a_101_the_protocol_stays() {
        let headers = switching(headers(&[
            ("connection", "Upgrade, x-hop"),
            ("upgrade", "websocket"),
            ("x-hop", "1"),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ]));
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["connection", "sec-websocket-accept", "upgrade"]);
    }

    #[test]
    fn a_grip_proxy_is_a_host_with_a_port_and_may_take_its_time() {
        let limits = Limits::default();
        let new = |address| HandOffs::new(true, Some(address), &limits);
        let proxy = new("localhost:7677").expect("an address").grip_proxy;
        let proxy = proxy.expect("configured");
        let info = proxy.info();
        assert_eq!((info.host.as_str(), info.port), ("localhost", 7677));
        assert!(info.first_byte_timeout.is_zero() && info.between_bytes_timeout.is_zero());
        for wrong in ["", ":7677", "a b:1", "me@a:1", "localhost:0"] {
            assert!(new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn there_is_room_for_so_many_tunnels() {
        let limits = Limits {
            max_tunnels: 2,
            ..Limits::default()
        };
        let hand_offs = HandOffs::new(true, None, &limits).expect("no address");
        let (one, two) = (hand_offs.room(), hand_offs.room());
        assert!(one.is_some() && two.is_some());
        assert!(hand_offs.room().is_none());
        drop(one);
        assert!(hand_offs.room().is_some());
    }
}
