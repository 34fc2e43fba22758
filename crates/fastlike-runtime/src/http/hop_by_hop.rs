//! Headers that are about one connection, not about the message (RFC 9110
//! section 7.6.1).

use http::HeaderMap;
use http::header::{CONNECTION, HeaderName, TRANSFER_ENCODING, UPGRADE};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Removes them, and those that `connection` lists. `transfer-encoding` stays
/// if the message keeps its own framing.
pub(crate) fn remove(headers: &mut HeaderMap, keep_framing: bool) {
    if headers.contains_key(CONNECTION) {
        let listed: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .collect();
        for name in listed {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    headers.remove(KEEP_ALIVE);
    headers.remove(PROXY_CONNECTION);
    headers.remove(UPGRADE);
    if !keep_framing {
        headers.remove(TRANSFER_ENCODING);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_connection_lists_goes_with_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Once"),
            ("x-once", "1"),
            ("keep-alive", "5"),
            ("x-stays", "1"),
        ] {
            headers.append(name, value.parse().expect("value"));
        }
        remove(&mut headers, false);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-stays"]);
    }
}
