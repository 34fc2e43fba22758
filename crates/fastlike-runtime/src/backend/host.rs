//! Which `host` header a backend is sent.

use http::header::HOST;
use http::{HeaderMap, HeaderValue, Uri};

use super::{BackendInfo, SendError};

/// Leaves exactly one `host`: the backend's override, else the guest's first
/// one, else the authority of the guest's URI, else the backend's own host
/// (ABI facts, section 7).
pub(crate) fn choose(
    headers: &mut HeaderMap,
    uri: &Uri,
    info: &BackendInfo,
) -> Result<(), SendError> {
    let mut given = headers.get_all(HOST).iter();
    let host = match (&info.override_host, given.next(), given.next()) {
        (Some(host), ..) => HeaderValue::from_str(host),
        (None, Some(_), None) => return Ok(()),
        (None, Some(first), Some(_)) => Ok(first.clone()),
        (None, None, _) => match uri.authority() {
            // Without the user's part, which is no business of the origin's.
            Some(authority) => {
                let host = authority.as_str();
                HeaderValue::from_str(host.rsplit_once('@').map_or(host, |(_, host)| host))
            }
            None => HeaderValue::from_str(&own(info)),
        },
    };
    let host = host.map_err(|error| SendError::InvalidUri(format!("host: {error}")))?;
    headers.insert(HOST, host);
    Ok(())
}

/// The backend's own host, with its port unless that is the scheme's.
fn own(info: &BackendInfo) -> String {
    let host = if info.host.contains(':') {
        format!("[{}]", info.host)
    } else {
        info.host.clone()
    };
    match (info.tls, info.port) {
        (false, 80) | (true, 443) => host,
        (_, port) => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_own_host_has_the_port_only_if_it_is_not_the_usual_one() {
        let own = |host, port, tls| own(&BackendInfo::new(host, port, tls));
        assert_eq!(own("example.com", 80, false), "example.com");
        assert_eq!(own("example.com", 80, true), "example.com:80");
        assert_eq!(own("::1", 443, true), "[::1]");
        assert_eq!(own("::1", 8080, false), "[::1]:8080");
    }

    #[test]
    fn the_override_comes_first_then_the_header_then_the_uri() {
        let chosen = |hosts: &[&str], uri: &str, info: &BackendInfo| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, host.parse().expect("a value"));
            }
            choose(&mut headers, &uri.parse().expect("a URI"), info).expect("a host");
            let all: Vec<_> = headers.get_all(HOST).iter().cloned().collect();
            assert_eq!(all.len(), 1);
            all.first().cloned().expect("one")
        };
        let mut info = BackendInfo::new("origin", 8080, false);
        assert_eq!(chosen(&[], "/path", &info), "origin:8080");
        assert_eq!(chosen(&[], "http://me@uri:81/", &info), "uri:81");
        assert_eq!(chosen(&["one", "two"], "http://uri/", &info), "one");
        info.override_host = Some("override".to_owned());
        assert_eq!(chosen(&["one"], "http://uri/", &info), "override");
    }
}
