//! One entry of a list, as the public API writes it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

use crate::named::StoreError;

/// What becomes of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AclAction {
    /// `ALLOW`.
    Allow,
    /// `BLOCK`.
    Block,
}

impl FromStr for AclAction {
    type Err = StoreError;

    /// Reads `ALLOW` or `BLOCK`, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, StoreError> {
        match text {
            _ if text.eq_ignore_ascii_case("allow") => Ok(Self::Allow),
            _ if text.eq_ignore_ascii_case("block") => Ok(Self::Block),
            _ => Err(StoreError::Value(format!(
                "{text:?} is not an action: write \"ALLOW\" or \"BLOCK\""
            ))),
        }
    }
}

impl fmt::Display for AclAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "ALLOW",
            Self::Block => "BLOCK",
        })
    }
}

/// Addresses that begin alike: `192.0.2.0/24`, `2001:db8::/32`. Bits after the
/// prefix are zero, however it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AclPrefix(IpNet);

impl AclPrefix {
    /// The prefix of a family and the first `length` of `bits`, which are
    /// those of an address, from the left.
    pub(super) fn of(family: Family, bits: u128, length: u8) -> Option<Self> {
        let address = match family {
            Family::V4 => IpAddr::from(Ipv4Addr::from(u32::try_from(bits >> 96).ok()?)),
            Family::V6 => IpAddr::from(Ipv6Addr::from(bits)),
        };
        IpNet::new(address, length).ok().map(Self)
    }

    pub(super) fn parts(self) -> (Family, u128, u8) {
        let (family, bits) = split(self.0.addr());
        (family, bits, self.0.prefix_len())
    }
}

/// The two kinds of addresses, which have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// An address as bits, from the left.
pub(super) fn split(address: IpAddr) -> (Family, u128) {
    match address {
        IpAddr::V4(v4) => (Family::V4, u128::from(v4.to_bits()) << 96),
        IpAddr::V6(v6) => (Family::V6, v6.to_bits()),
    }
}

impl FromStr for AclPrefix {
    type Err = StoreError;

    /// Reads `ADDRESS/LENGTH`.
    fn from_str(text: &str) -> Result<Self, StoreError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            let length = if address.is_ipv4() { 32 } else { 128 };
            return Err(StoreError::Value(format!(
                "{text:?} is an address and not a prefix: write \"{text}/{length}\""
            )));
        }
        let net: IpNet = text.parse().map_err(|_| {
            StoreError::Value(format!(
                "{text:?} is not a prefix: write \"192.0.2.0/24\" or \"2001:db8::/32\""
            ))
        })?;
        Ok(Self(canonical(net).trunc()))
    }
}

/// A prefix of IPv4 addresses in IPv6 ones is one of IPv4.
fn canonical(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else {
        return net;
    };
    let length = v6.prefix_len().checked_sub(96);
    match (v6.addr().to_ipv4_mapped(), length) {
        (Some(v4), Some(length)) => IpNet::new(v4.into(), length).unwrap_or(net),
        _ => net,
    }
}

impl fmt::Display for AclPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A prefix and what becomes of clients with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AclEntry {
    pub prefix: AclPrefix,
    pub action: AclAction,
}

impl AclEntry {
    /// Reads both as the public API writes them: `192.0.2.0/24` and `BLOCK`.
    ///
    /// # Errors
    /// [`StoreError::Value`] says which of them is wrong, and why.
    pub fn parse(prefix: &str, action: &str) -> Result<Self, StoreError> {
        Ok(Self {
            prefix: prefix.parse()?,
            action: action.parse()?,
        })
    }

    /// The entry as programs get it (ABI facts, section 12).
    pub(crate) fn to_json(self) -> String {
        // Neither has a character that JSON escapes.
        format!(
            r#"{{"prefix":"{}","action":"{}"}}"#,
            self.prefix, self.action
        )
    }
}
