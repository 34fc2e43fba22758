//! Peers that are believed what they say about clients.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::HeaderName;
use ipnet::IpNet;

/// Networks of peers that are believed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trusted(Vec<IpNet>);

impl Extend<IpNet> for Trusted {
    fn extend<T: IntoIterator<Item = IpNet>>(&mut self, networks: T) {
        self.0.extend(networks);
    }
}

impl Trusted {
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client that a trusted peer names in `header`: an address, or a
    /// list of them to which each proxy has added whom it got the request
    /// from. The last that is not trusted itself counts: what stands before
    /// it is its own claim.
    pub(crate) fn client(&self, headers: &HeaderMap, header: &HeaderName) -> Option<SocketAddr> {
        let values: Vec<&str> = headers
            .get_all(header)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        let mut client = None;
        for value in values.into_iter().rev() {
            let Some(named) = address(value) else { break };
            client = Some(named);
            if !self.contains(named.ip()) {
                break;
            }
        }
        client
    }
}

/// An address, with or without a port.
fn address(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    Some(SocketAddr::new(bare.parse().ok()?, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(values: &[&str]) -> Option<String> {
        let mut trusted = Trusted::default();
        trusted.extend(["10.0.0.0/8".parse().expect("a network")]);
        let name = HeaderName::from_static("x-forwarded-for");
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, value.parse().expect("a value"));
        }
        let client = trusted.client(&headers, &name)?;
        Some(client.ip().to_string())
    }

    #[test]
    fn the_last_address_that_is_not_trusted_is_the_clients() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(client(&["192.0.2.1"]), some("192.0.2.1"));
        assert_eq!(client(&["6.6.6.6, 192.0.2.1, 10.1.1.1"]), some("192.0.2.1"));
        assert_eq!(
            client(&["6.6.6.6", "[2001:db8::1]:443"]),
            some("2001:db8::1")
        );
        assert_eq!(client(&["[2001:db8::1]"]), some("2001:db8::1"));
        assert_eq!(client(&["10.2.2.2, 10.1.1.1:80"]), some("10.2.2.2"));
        assert_eq!(client(&["192.0.2.1, unknown, 10.1.1.1"]), some("10.1.1.1"));
        assert_eq!(client(&["unknown"]), None);
        assert_eq!(client(&[]), None);
    }

    #[test]
    fn a_mapped_address_is_the_address_itself() {
        let mut trusted = Trusted::default();
        trusted.extend(["10.0.0.0/8".parse().expect("a network")]);
        assert!(trusted.contains("::ffff:10.0.0.1".parse().expect("an address")));
        assert!(!trusted.contains("::ffff:11.0.0.1".parse().expect("an address")));
    }
}
