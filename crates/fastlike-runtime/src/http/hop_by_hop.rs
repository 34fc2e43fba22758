//! Headers that are about one connection, not about the message (RFC 9110
//! section 7.6.1).

use http::HeaderMap;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// What concerns one connection only (RFC 9110 section 7.6.1), except
/// `transfer-encoding`, which is framing.
const HOP_BY_HOP: [HeaderName; 5] = [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TE, UPGRADE];

/// Removes the fields that concern one connection only, also those that
/// `connection` names. True if the sender would take trailers.
pub(crate) fn strip(headers: &mut HeaderMap) -> bool {
    // Most messages have none: one look at each name says so.
    if !headers.keys().any(|name| HOP_BY_HOP.contains(name)) {
        return false;
    }
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        // A client must not be able to have these removed: they are for all
        // recipients, whatever the sender says.
        .filter(|name| ![HOST, CDN_LOOP, CONTENT_LENGTH, TRANSFER_ENCODING, TE].contains(name))
        .collect();
    for name in named {
        headers.remove(name);
    }
    let trailers = accepts_trailers(headers);
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    trailers
}

/// True if the sender of these headers would take trailers.
pub(crate) fn accepts_trailers(headers: &HeaderMap) -> bool {
    headers
        .get_all(TE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_connection_lists_goes_with_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Once, Host"),
            ("x-once", "1"),
            ("keep-alive", "5"),
            ("host", "a"),
            ("te", "trailers"),
        ] {
            headers.append(name, value.parse().expect("value"));
        }
        assert!(strip(&mut headers), "trailers are welcome");
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["host"]);
    }
}
