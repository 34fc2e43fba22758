//! Values of flags, as they are written.

use ipnet::IpNet;

/// The value of `--backend`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedUrl {
    pub(crate) name: String,
    pub(crate) url: String,
}

pub(super) fn named_url(text: &str) -> Result<NamedUrl, String> {
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && !url.is_empty() => Ok(NamedUrl {
            name: name.to_owned(),
            url: url.to_owned(),
        }),
        _ => Err("write NAME=URL, as in api=https://api.example.com".to_owned()),
    }
}

/// A network, or one address.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| address())
        .map_err(|_| "write an address or a network, as 10.0.0.0/8 or ::1".to_owned())
}

pub(super) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it must be more than zero".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("write a whole number".to_owned()),
    }
}
