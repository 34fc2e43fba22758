//! The URL that an origin is configured with.

use http::Uri;

use super::OriginError;

/// The parts of an origin's URL that are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) tls: bool,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// Goes before the path of each request; never ends with a slash.
    pub(super) prefix: String,
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, OriginError> {
        let invalid = |why: &str| OriginError::Url {
            url: url.to_owned(),
            why: why.to_owned(),
        };
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(invalid(
                "it has no scheme, write http://HOST or https://HOST",
            ));
        };
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(invalid("the scheme must be http or https")),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(OriginError::Credentials);
        }
        if authority.is_empty() || authority.starts_with(':') {
            return Err(invalid("it has no host"));
        }
        if rest.contains('#') {
            return Err(invalid("it has a fragment"));
        }
        if rest.contains('?') {
            return Err(invalid("it has a query"));
        }

        let uri: Uri = url
            .parse()
            .map_err(|error: http::uri::InvalidUri| invalid(&error.to_string()))?;
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| invalid("it has no host"))?;
        let port = match uri.port() {
            // `http::Uri` reads "host:99999" as a port that is no number.
            _ if authority.ends_with(':') => return Err(invalid("the port is empty")),
            Some(port) => port.as_u16(),
            None if let Some(port) = port_of(authority) => {
                let is_number = port.bytes().all(|b| b.is_ascii_digit());
                let why = if is_number {
                    "the port is larger than 65535"
                } else {
                    "the port is not a number"
                };
                return Err(invalid(why));
            }
            None if tls => 443,
            None => 80,
        };
        if port == 0 {
            return Err(invalid("port 0 cannot be connected to"));
        }
        Ok(Self {
            tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

fn port_of(authority: &str) -> Option<&str> {
    let after_address = authority.rsplit_once(']').map(|(_, after)| after);
    let (_, port) = after_address.unwrap_or(authority).split_once(':')?;
    Some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (bool, String, u16, String) {
        let target = Target::parse(url).expect("a valid URL");
        (target.tls, target.host, target.port, target.prefix)
    }

    #[test]
    fn scheme_host_port_and_prefix_are_taken_from_the_url() {
        let of = |tls, host: &str, port, prefix: &str| (tls, host.into(), port, prefix.into());
        assert_eq!(
            parts("http://example.com"),
            of(false, "example.com", 80, "")
        );
        assert_eq!(parts("HTTPS://a.b/"), of(true, "a.b", 443, ""));
        assert_eq!(parts("http://a:8080/x/y/"), of(false, "a", 8080, "/x/y"));
        assert_eq!(parts("http://[::1]:81"), of(false, "::1", 81, ""));
        assert_eq!(
            parts("http://127.0.0.1:1/%20"),
            of(false, "127.0.0.1", 1, "/%20")
        );
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said() {
        for (url, why) in [
            ("example.com", "no scheme"),
            ("//example.com", "no scheme"),
            ("ftp://example.com", "http or https"),
            ("http://", "no host"),
            ("http:///path", "no host"),
            ("http://:80", "no host"),
            ("http://a/#top", "fragment"),
            ("http://a?x=1", "query"),
            ("http://a:", "port"),
            ("http://a:0", "port 0"),
            ("http://a:99999", "the port is larger than 65535"),
            ("http://[::1]:99999999999", "larger than 65535"),
            ("http://a:x", "the port is not a number"),
            ("http://a b", "invalid"),
            ("http://ü", "invalid"),
        ] {
            let error = Target::parse(url).expect_err(url).to_string();
            assert!(error.contains(why), "{url}: {error}");
        }
    }

    #[test]
    fn credentials_are_refused_and_not_repeated() {
        let error = Target::parse("http://user:secret@a/").expect_err("credentials");
        assert_eq!(error, OriginError::Credentials);
        assert!(!error.to_string().contains("secret"));
    }
}
