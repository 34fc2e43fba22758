//! A client's request before a guest sees it: what is refused, and the one
//! form that all requests are brought to.

use http::header::{COOKIE, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, StatusCode, Uri, Version};

use super::ConnInfo;
use crate::http::{TakesTrailers, hop_by_hop};
use crate::limits;
use crate::session::OriginalHeaders;

const FASTLY_SSL: HeaderName = HeaderName::from_static("fastly-ssl");

/// Why a request does not reach the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) text: &'static str,
}

const fn refusal(status: StatusCode, text: &'static str) -> Result<(), Refusal> {
    Err(Refusal { status, text })
}

/// Refuses what no guest can answer, or what two readers could read in two
/// ways.
pub(crate) fn check(parts: &mut Parts, conn: &ConnInfo) -> Result<(), Refusal> {
    if parts.method == Method::CONNECT {
        return refusal(
            StatusCode::NOT_IMPLEMENTED,
            "This server makes no tunnels: CONNECT is not supported.\n",
        );
    }
    // RFC 9112 section 3.2.4.
    if parts.uri.path() == "*" && parts.method != Method::OPTIONS {
        return refusal(StatusCode::BAD_REQUEST, "Only OPTIONS may ask for `*`.\n");
    }
    check_host(parts, conn)?;
    check_coding(parts)?;
    if parts.version >= Version::HTTP_2 {
        join_cookies(parts);
    }
    if parts.headers.len() > limits::CLIENT_HEADERS {
        return refusal(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "The request has too many headers.\n",
        );
    }
    Ok(())
}

/// One host, in one place, and one that can be (RFC 9112 section 3.2, RFC 9113
/// section 8.3.1).
fn check_host(parts: &Parts, conn: &ConnInfo) -> Result<(), Refusal> {
    let wrong = |text| refusal(StatusCode::BAD_REQUEST, text);
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    if authority.is_some_and(|authority| authority.contains('@')) {
        return wrong("The request's target names a user.\n");
    }
    let mut hosts = parts.headers.get_all(HOST).iter();
    let Some(host) = hosts.next() else {
        // Who hands a request over without a connection may leave it out.
        let over_http_1_1 = parts.version == Version::HTTP_11 && conn.wire().is_some();
        if over_http_1_1 && authority.is_none() {
            return wrong("The request has no Host header.\n");
        }
        return Ok(());
    };
    if hosts.next().is_some() {
        return wrong("The request has more than one Host header.\n");
    }
    let host = host
        .to_str()
        .ok()
        .filter(|host| host.is_empty() || is_host(host.as_bytes()));
    let Some(host) = host else {
        return wrong("The request's Host header is no host.\n");
    };
    let other = authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(host));
    if other && parts.version >= Version::HTTP_2 {
        return wrong("The Host header is not the request's authority.\n");
    }
    Ok(())
}

/// A name or an address, and maybe a port (RFC 3986 section 3.2). Asked for
/// each request, so it allocates nothing.
fn is_host(host: &[u8]) -> bool {
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(byte);
    let in_address = |byte: &u8| byte.is_ascii_hexdigit() || b":.".contains(byte);
    let (inside, port) = match host.split_first() {
        Some((b'[', rest)) => {
            let mut parts = rest.splitn(2, |byte| *byte == b']');
            let (Some(address), Some(port)) = (parts.next(), parts.next()) else {
                return false;
            };
            if address.is_empty() || !address.iter().all(in_address) {
                return false;
            }
            (&b"address"[..], port)
        }
        _ => {
            let end = host.iter().position(|byte| *byte == b':');
            host.split_at(end.unwrap_or(host.len()))
        }
    };
    let port_is_fine = match port.split_first() {
        None => true,
        Some((b':', digits)) => digits.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    };
    !inside.is_empty() && inside.iter().all(in_name) && port_is_fine
}

/// The content of an HTTP/1.1 request is sent in chunks, or as it is (RFC 9112
/// section 6.1).
fn check_coding(parts: &Parts) -> Result<(), Refusal> {
    let mut codings = parts.headers.get_all(TRANSFER_ENCODING).iter();
    let Some(first) = codings.next() else {
        return Ok(());
    };
    let chunked = first
        .as_bytes()
        .trim_ascii()
        .eq_ignore_ascii_case(b"chunked");
    if !chunked || codings.next().is_some() {
        return refusal(
            StatusCode::NOT_IMPLEMENTED,
            "No transfer coding but `chunked` is supported.\n",
        );
    }
    Ok(())
}

/// HTTP/2 lets clients send cookies one by one; to HTTP/1 eyes they are one
/// header (RFC 9113 section 8.2.3).
fn join_cookies(parts: &mut Parts) {
    let mut cookies = parts.headers.get_all(COOKIE).iter();
    let (Some(_), Some(_)) = (cookies.next(), cookies.next()) else {
        return;
    };
    let cookies: Vec<&[u8]> = parts
        .headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..])) {
        parts.headers.insert(COOKIE, joined);
    }
}

/// The request's header lines as the client wrote them. Before the request is
/// changed in any way.
pub(crate) fn original_headers(parts: &Parts, conn: &ConnInfo) -> OriginalHeaders {
    if parts.version <= Version::HTTP_11
        && let Some(head) = conn.wire().and_then(|wire| wire.take_head(&parts.headers))
    {
        return OriginalHeaders::Head(head);
    }
    OriginalHeaders::Names(parts.headers.iter().map(|(name, _)| name.clone()).collect())
}

/// The trailers that the client takes (RFC 9110 section 6.5.1): all, if it is
/// not known to speak HTTP/1.
pub(crate) fn takes_trailers(parts: &Parts, conn: &ConnInfo) -> TakesTrailers {
    match parts.version {
        _ if conn.wire().is_none() => TakesTrailers::Everything,
        Version::HTTP_2 | Version::HTTP_3 => TakesTrailers::Everything,
        Version::HTTP_11 if hop_by_hop::accepts_trailers(&parts.headers) => {
            TakesTrailers::Announced
        }
        _ => TakesTrailers::Nothing,
    }
}

/// Makes the URI absolute and says by `fastly-ssl` whether the client's
/// connection was secure; a client's own `fastly-ssl` is not believed.
///
/// The host is that of the target, where it names one, and the `Host` header
/// follows it (RFC 9112 section 3.2.2, RFC 9113 section 8.3.1).
pub(crate) fn normalize(parts: &mut Parts, secure: bool) {
    parts.headers.remove(FASTLY_SSL);
    if secure {
        parts
            .headers
            .insert(FASTLY_SSL, HeaderValue::from_static("1"));
    }
    if let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(HOST, host);
    }
    let scheme = if secure { "https" } else { "http" };
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    // `*` is about no path (RFC 9112 section 3.3).
    let target = parts
        .uri
        .path_and_query()
        .map(|target| target.as_str())
        .filter(|target| *target != "*")
        .unwrap_or("/");
    let absolute = |authority: &str| {
        Uri::builder()
            .scheme(scheme)
            .authority(authority)
            .path_and_query(target)
            .build()
    };
    // A host that is none has no absolute form.
    let uri = host
        .map(absolute)
        .and_then(Result::ok)
        .or_else(|| absolute("localhost").ok());
    if let Some(uri) = uri {
        parts.uri = uri;
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(request: http::request::Builder) -> Parts {
        request.body(()).expect("a request").into_parts().0
    }

    fn uri(request: http::request::Builder, secure: bool) -> String {
        let mut parts = parts(request);
        normalize(&mut parts, secure);
        parts.uri.to_string()
    }

    #[test]
    fn the_guest_sees_an_absolute_uri() {
        let request = |target: &str, host: &str| Request::get(target).header("host", host);
        assert_eq!(
            uri(request("/a?b", "example.com:8080"), false),
            "http://example.com:8080/a?b"
        );
        assert_eq!(
            uri(request("/", "example.com"), true),
            "https://example.com/"
        );
        assert_eq!(uri(request("/", "no host"), false), "http://localhost/");
        assert_eq!(uri(request("*", "a.example"), false), "http://a.example/");
    }

    #[test]
    fn a_target_that_names_its_host_is_right_about_it() {
        let request = Request::get("http://right.example/x").header("host", "wrong.example");
        let mut parts = parts(request);
        normalize(&mut parts, false);
        assert_eq!(parts.uri, "http://right.example/x");
        assert_eq!(parts.headers["host"], "right.example");
    }

    #[test]
    fn a_client_cannot_claim_to_be_secure() {
        let mut parts = parts(Request::get("/").header("fastly-ssl", "1"));
        normalize(&mut parts, false);
        assert!(parts.headers.get("fastly-ssl").is_none());
    }

    fn refused(request: http::request::Builder) -> Option<u16> {
        let refusal = check(&mut parts(request), &ConnInfo::default()).err()?;
        Some(refusal.status.as_u16())
    }

    #[test]
    fn what_no_guest_can_answer_is_refused() {
        let two_hosts = Request::get("/").header("host", "a").header("host", "a");
        assert_eq!(refused(two_hosts), Some(400));
        assert_eq!(refused(Request::get("*")), Some(400));
        assert_eq!(refused(Request::options("*")), None);
        assert_eq!(refused(Request::connect("a.example:443")), Some(501));
        let coded = |coding: &str| Request::post("/").header("transfer-encoding", coding);
        assert_eq!(refused(coded("Chunked")), None);
        assert_eq!(refused(coded("gzip, chunked")), Some(501));
        let twice = coded("chunked").header("transfer-encoding", "chunked");
        assert_eq!(refused(twice), Some(501));
        let h2 = |host: &str| {
            Request::get("http://a.example/")
                .version(Version::HTTP_2)
                .header("host", host)
        };
        assert_eq!(refused(h2("A.example")), None);
        assert_eq!(refused(h2("b.example")), Some(400));
        for host in ["me@a.example", "a b", "a/b", "a?b"] {
            let request = Request::get("/").header("host", host);
            assert_eq!(refused(request), Some(400), "{host}");
        }
        assert_eq!(refused(Request::get("http://me@a.example/")), Some(400));
        assert_eq!(refused(Request::get("/").header("host", "")), None);
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_maybe_a_port() {
        for host in [
            "a",
            "a.example:80",
            "[::1]",
            "[2001:db8::1]:443",
            "a:",
            "192.0.2.1:1",
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "a:b", "a:1:2", "[]", "[::1", "::1", "[::1]a", "[x]", ":80", "a b", "ä",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn so_many_headers_pass_and_one_more_does_not() {
        let request = |count: usize| {
            (0..count).fold(Request::get("/"), |request, _| request.header("x", "y"))
        };
        assert_eq!(refused(request(limits::CLIENT_HEADERS)), None);
        assert_eq!(refused(request(limits::CLIENT_HEADERS + 1)), Some(431));
    }

    #[test]
    fn cookies_that_came_one_by_one_are_one_header() {
        let request = Request::get("/").version(Version::HTTP_2);
        let mut parts = parts(request.header("cookie", "a=1").header("cookie", "b=2"));
        check(&mut parts, &ConnInfo::default()).expect("fine");
        let cookies: Vec<_> = parts.headers.get_all(COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1; b=2"]);
    }
}
