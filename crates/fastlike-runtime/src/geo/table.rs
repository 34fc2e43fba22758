//! Records listed by address or network, as a manifest gives them.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::{GeoProvider, GeoRecord};

/// How many leading bits of an IPv6 address say "an IPv4 address follows".
const MAPPED_PREFIX: u8 = 96;

/// Answers the addresses and networks it lists; the longest prefix wins.
///
/// An IPv4 address and its IPv6-mapped form (`::ffff:192.0.2.1`) are the same
/// entry.
///
/// ```
/// use fastlike_runtime::{GeoProvider, GeoRecord, GeoTable};
///
/// let place = |city: &str| GeoRecord { city: city.into(), ..GeoRecord::default() };
/// let table = GeoTable::from_keys([
///     ("10.0.0.0/8", place("somewhere")),
///     ("10.1.2.3", place("Nairobi")),
/// ])?;
/// assert_eq!(table.lookup([10, 1, 2, 3].into()).unwrap().city, "Nairobi");
/// assert_eq!(table.lookup([10, 1, 2, 4].into()).unwrap().city, "somewhere");
/// # Ok::<(), fastlike_runtime::GeoKeyError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GeoTable {
    networks: HashMap<IpNet, GeoRecord>,
    // A lookup tries one map access per prefix length in use: a handful, where
    // a trie would be the larger and slower answer.
    v4_lengths: BTreeSet<u8>,
    v6_lengths: BTreeSet<u8>,
}

impl GeoTable {
    /// An empty table: it answers nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A table from keys such as `1.2.3.4`, `10.0.0.0/8`, `2001:db8::1` or
    /// `2001:db8::/32`. A later entry replaces an earlier one for the same
    /// network.
    ///
    /// # Errors
    /// The first key that is neither an address nor a network.
    pub fn from_keys<K: AsRef<str>>(
        entries: impl IntoIterator<Item = (K, GeoRecord)>,
    ) -> Result<Self, GeoKeyError> {
        entries
            .into_iter()
            .map(|(key, record)| Ok((Self::parse_key(key.as_ref())?, record)))
            .collect()
    }

    /// The network that a key names; an address is a network of one. Bits
    /// beyond the prefix are ignored: `10.1.2.3/8` is `10.0.0.0/8`.
    ///
    /// # Errors
    /// The key is neither an address nor a network.
    pub fn parse_key(key: &str) -> Result<IpNet, GeoKeyError> {
        let text = key.trim();
        text.parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map(canonical)
            .map_err(|_| GeoKeyError { key: key.into() })
    }

    /// Lists `record` for an address (`IpAddr`) or a network (`IpNet`), and
    /// returns the record this replaces.
    pub fn insert(&mut self, network: impl Into<IpNet>, record: GeoRecord) -> Option<GeoRecord> {
        let network = canonical(network.into());
        let lengths = match network {
            IpNet::V4(_) => &mut self.v4_lengths,
            IpNet::V6(_) => &mut self.v6_lengths,
        };
        lengths.insert(network.prefix_len());
        self.networks.insert(network, record)
    }

    /// How many addresses and networks are listed.
    pub fn len(&self) -> usize {
        self.networks.len()
    }

    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }
}

impl Extend<(IpNet, GeoRecord)> for GeoTable {
    fn extend<I: IntoIterator<Item = (IpNet, GeoRecord)>>(&mut self, entries: I) {
        for (network, record) in entries {
            self.insert(network, record);
        }
    }
}

impl FromIterator<(IpNet, GeoRecord)> for GeoTable {
    fn from_iter<I: IntoIterator<Item = (IpNet, GeoRecord)>>(entries: I) -> Self {
        let mut table = Self::new();
        table.extend(entries);
        table
    }
}

impl GeoProvider for GeoTable {
    fn lookup(&self, ip: IpAddr) -> Option<GeoRecord> {
        let ip = ip.to_canonical();
        let lengths = match ip {
            IpAddr::V4(_) => &self.v4_lengths,
            IpAddr::V6(_) => &self.v6_lengths,
        };
        lengths
            .iter()
            .rev()
            .find_map(|length| {
                let network = IpNet::new(ip, *length).ok()?;
                self.networks.get(&network.trunc())
            })
            .cloned()
    }
}

/// A table's key that is neither an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeoKeyError {
    key: String,
}

impl GeoKeyError {
    /// The key as it was written.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for GeoKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not an IP address or network; write it like 192.0.2.7, 10.0.0.0/8, \
             2001:db8::7 or 2001:db8::/32",
            self.key
        )
    }
}

impl std::error::Error for GeoKeyError {}

/// One spelling per network: no bits beyond the prefix, and no IPv6 spelling
/// of IPv4.
fn canonical(network: IpNet) -> IpNet {
    let v4_part = match network {
        IpNet::V4(_) => None,
        IpNet::V6(v6) => v6.addr().to_ipv4_mapped().and_then(|address| {
            let length = v6.prefix_len().checked_sub(MAPPED_PREFIX)?;
            Ipv4Net::new(address, length).ok()
        }),
    };
    v4_part.map_or(network, IpNet::V4).trunc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(keys: &[&str]) -> GeoTable {
        let record = |key: &&str| GeoRecord {
            city: (*key).into(),
            ..GeoRecord::default()
        };
        GeoTable::from_keys(keys.iter().map(|key| (key, record(key)))).unwrap()
    }

    fn found(table: &GeoTable, address: &str) -> Option<String> {
        Some(table.lookup(address.parse().unwrap())?.city)
    }

    #[test]
    fn the_longest_prefix_wins_whatever_the_order() {
        let keys = ["10.1.2.3", "10.0.0.0/8", "0.0.0.0/0", "10.1.0.0/16"];
        for rotation in 0..keys.len() {
            let mut keys = keys;
            keys.rotate_left(rotation);
            let table = table(&keys);
            assert_eq!(found(&table, "10.1.2.3").as_deref(), Some("10.1.2.3"));
            assert_eq!(found(&table, "10.1.2.4").as_deref(), Some("10.1.0.0/16"));
            assert_eq!(found(&table, "10.2.0.1").as_deref(), Some("10.0.0.0/8"));
            assert_eq!(found(&table, "192.0.2.1").as_deref(), Some("0.0.0.0/0"));
            assert_eq!(found(&table, "2001:db8::1"), None);
        }
    }

    #[test]
    fn ipv6_addresses_and_networks_are_found() {
        let table = table(&["2001:db8::/32", "2001:db8::7"]);
        assert_eq!(
            found(&table, "2001:db8:0:0::7").as_deref(),
            Some("2001:db8::7")
        );
        assert_eq!(
            found(&table, "2001:db8:1::").as_deref(),
            Some("2001:db8::/32")
        );
        assert_eq!(found(&table, "2001:db9::"), None);
        assert_eq!(found(&table, "10.0.0.1"), None);
    }

    #[test]
    fn an_ipv4_address_and_its_mapped_form_are_one_entry() {
        let plain = table(&["192.0.2.0/24"]);
        assert!(found(&plain, "::ffff:192.0.2.9").is_some());

        let mapped = table(&["::ffff:192.0.2.9", "::ffff:10.0.0.0/104"]);
        assert!(found(&mapped, "192.0.2.9").is_some());
        assert!(found(&mapped, "::ffff:192.0.2.9").is_some());
        assert!(found(&mapped, "10.200.0.1").is_some());
        assert!(found(&mapped, "11.0.0.1").is_none());
    }

    #[test]
    fn a_later_entry_replaces_an_earlier_one() {
        let table = table(&["10.0.0.0/8", "10.9.9.9/8"]);
        assert_eq!(table.len(), 1);
        assert_eq!(found(&table, "10.0.0.1").as_deref(), Some("10.9.9.9/8"));
    }

    #[test]
    fn a_key_that_is_no_address_is_named_with_its_mend() {
        for key in [
            "",
            "localhost",
            "300.1.1.1",
            "10.0.0.0/33",
            "10.0.0.0/",
            "::/129",
            "1.2.3",
        ] {
            let error = GeoTable::parse_key(key).unwrap_err();
            assert_eq!(error.key(), key);
            let message = error.to_string();
            assert!(message.starts_with(&format!("`{key}` is not")), "{message}");
            assert!(message.contains("10.0.0.0/8"), "{message}");
        }
    }

    #[test]
    fn an_empty_table_answers_nothing() {
        assert!(GeoTable::new().is_empty());
        assert_eq!(found(&GeoTable::new(), "127.0.0.1"), None);
    }
}
