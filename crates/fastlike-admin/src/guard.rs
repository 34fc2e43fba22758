//! Who may ask: from which page, under which name, and with which token.

use std::net::{IpAddr, SocketAddr};

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, Request, StatusCode};

use crate::answer::Problem;
use crate::token::Token;

/// What is checked of each request.
#[derive(Debug)]
pub(crate) struct Guard {
    token: Token,
    /// Where the listener is.
    local: SocketAddr,
}

impl Guard {
    pub(crate) fn new(token: Token, local: SocketAddr) -> Self {
        Self { token, local }
    }

    /// Whether only this machine can connect.
    pub(crate) fn is_local(&self) -> bool {
        self.local.ip().is_loopback()
    }

    /// Refuses what a web page may have sent: under a name that somebody else
    /// has given this address, or from another page.
    ///
    /// # Errors
    /// A 403, or a 400 for a request without a host.
    pub(crate) fn page<B>(&self, request: &Request<B>) -> Result<(), Problem> {
        let host = host(request).ok_or_else(|| {
            Problem::bad_request("the request has no Host header, or more than one")
        })?;
        if !self.is_own_host(host) {
            let detail = format!(
                "the Host header is {host:?}: ask for localhost or for the listener's address"
            );
            return Err(Problem::forbidden(detail));
        }
        for origin in request.headers().get_all(ORIGIN) {
            let own = origin.to_str().is_ok_and(|origin| {
                let host_of = origin.strip_prefix("http://");
                host_of.is_some_and(|of| of.eq_ignore_ascii_case(host))
            });
            if !own {
                return Err(Problem::forbidden(
                    "requests of other web pages are refused",
                ));
            }
        }
        Ok(())
    }

    /// A name that nobody else can have: a loopback one, or an address. On a
    /// loopback listener only addresses that lead there.
    fn is_own_host(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else {
            return false;
        };
        if name.eq_ignore_ascii_case("localhost") {
            return true;
        }
        let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
        let Ok(address) = bare.unwrap_or(name).parse::<IpAddr>() else {
            return false;
        };
        address.is_loopback() || !self.is_local()
    }

    /// Whether the request bears the token.
    ///
    /// # Errors
    /// A 401, which says where it belongs.
    pub(crate) fn token(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let key = headers.get("fastly-key").map(http::HeaderValue::as_bytes);
        let bearer = headers
            .get(AUTHORIZATION)
            .and_then(|value| bearer(value.as_bytes()));
        let mut given = key.into_iter().chain(bearer).peekable();
        if given.peek().is_none() {
            return Err(unauthorized(
                "the header Fastly-Key with the admin token is missing",
            ));
        }
        if given.any(|given| self.token.is(given)) {
            Ok(())
        } else {
            Err(unauthorized("the admin token in Fastly-Key is another one"))
        }
    }
}

fn unauthorized(detail: &str) -> Problem {
    let msg = "Provided credentials are missing or invalid";
    Problem::new(StatusCode::UNAUTHORIZED, msg, detail)
}

/// What follows `Bearer` (RFC 6750, section 2.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

/// The one host that a request is made to.
fn host<B>(request: &Request<B>) -> Option<&str> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    if hosts.next().is_some() {
        return None;
    }
    // A proxy's form of the target names a host, too: it must not be another.
    match request.uri().authority() {
        Some(authority) if !authority.as_str().eq_ignore_ascii_case(host) => None,
        _ => Some(host),
    }
}

/// `HOST` or `HOST:PORT` without the port.
fn without_port(host: &str) -> Option<&str> {
    let end = match host.rfind(']') {
        Some(bracket) => bracket + 1,
        None => host.find(':').unwrap_or(host.len()),
    };
    let (name, port) = host.split_at_checked(end)?;
    let fits = match port.strip_prefix(':') {
        Some(port) => !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    fits.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(local: &str) -> Guard {
        let token = Token::new("the-token").expect("a token");
        Guard::new(token, local.parse().expect("an address"))
    }

    fn status(guard: &Guard, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::get("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        match guard.page(&request) {
            Ok(()) => 200,
            Err(problem) => problem.status.as_u16(),
        }
    }

    #[test]
    fn a_loopback_listener_is_asked_under_a_loopback_name() {
        let guard = guard("127.0.0.1:7677");
        for good in [
            "localhost",
            "LocalHost:7677",
            "127.0.0.1",
            "127.0.0.1:7677",
            // A tunnel has a port of its own.
            "localhost:9999",
            "127.1.2.3:1",
            "[::1]",
            "[::1]:7677",
        ] {
            assert_eq!(status(&guard, &[("host", good)]), 200, "{good}");
        }
        for wrong in [
            "evil.example",
            "evil.example:7677",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.0.2.1",
            "localhost:",
            "localhost:80:80",
            "localhost@evil.example",
            "[::1",
            "[::1]x",
            "",
        ] {
            assert_eq!(status(&guard, &[("host", wrong)]), 403, "{wrong}");
        }
        assert_eq!(status(&guard, &[]), 400);
        let two = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(status(&guard, &two), 400);
    }

    #[test]
    fn a_listener_for_others_is_asked_under_an_address() {
        let guard = guard("0.0.0.0:7677");
        for good in ["192.0.2.1:7677", "[2001:db8::1]", "localhost"] {
            assert_eq!(status(&guard, &[("host", good)]), 200, "{good}");
        }
        assert_eq!(status(&guard, &[("host", "evil.example")]), 403);
    }

    #[test]
    fn the_only_page_that_may_ask_is_the_listeners_own() {
        let guard = guard("127.0.0.1:7677");
        let from = |origin: &str| status(&guard, &[("host", "localhost:7677"), ("origin", origin)]);
        assert_eq!(from("http://localhost:7677"), 200);
        for other in [
            "http://localhost:7676",
            "http://localhost",
            "https://localhost:7677",
            "http://evil.example",
            "null",
            "",
        ] {
            assert_eq!(from(other), 403, "{other}");
        }
    }

    #[test]
    fn a_target_that_names_another_host_is_refused() {
        let guard = guard("127.0.0.1:7677");
        let request = Request::get("http://evil.example/").header("host", "localhost");
        let problem = guard.page(&request.body(()).expect("a request"));
        assert!(problem.is_err_and(|problem| problem.status == StatusCode::BAD_REQUEST));
    }

    #[test]
    fn the_token_comes_in_fastly_key_or_as_a_bearer_token() {
        let guard = guard("127.0.0.1:7677");
        let status = |headers: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, value.parse().expect("a value"));
            }
            match guard.token(&map) {
                Ok(()) => 200,
                Err(problem) => problem.status.as_u16(),
            }
        };
        assert_eq!(status(&[("fastly-key", "the-token")]), 200);
        assert_eq!(status(&[("authorization", "Bearer the-token")]), 200);
        assert_eq!(status(&[("authorization", "bearer the-token")]), 200);
        assert_eq!(status(&[]), 401);
        assert_eq!(status(&[("fastly-key", "another-token")]), 401);
        assert_eq!(status(&[("fastly-key", "")]), 401);
        assert_eq!(status(&[("authorization", "the-token")]), 401);
        assert_eq!(status(&[("authorization", "Basic the-token")]), 401);
    }
}
