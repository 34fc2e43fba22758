//! Where an address is: the record a guest reads, and who answers for it.
//!
//! [`GeoProvider`] is the seam. Anything that turns an address into a
//! [`GeoRecord`] is one, closures included:
//!
//! | provider | answers |
//! |---|---|
//! | [`FixedGeo`] | every address with one record; the default of an unconfigured runtime |
//! | [`GeoTable`] | listed addresses and networks, the longest prefix first |
//! | [`LocalGeo`] | loopback and private addresses, as the official local server does |
//! | [`LayeredGeo`] | the first of several providers that knows the address |
//!
//! Databases in MaxMind's format live in the crate `fastlike-geo`, which
//! implements the same trait.

pub(crate) mod backend;
mod record;
mod table;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

pub use self::record::GeoRecord;
pub use self::table::{GeoKeyError, GeoTable};

/// Answers where an address is.
///
/// A guest's lookup calls this once and waits for it, so an implementation
/// answers from memory; it is called from many threads at once. `None` means
/// that nothing is known about the address, which a guest sees as "no data".
/// An IPv4 address may arrive in its IPv6-mapped form (`::ffff:192.0.2.1`):
/// [`IpAddr::to_canonical`] undoes that.
///
/// ```
/// use std::net::IpAddr;
/// use fastlike_runtime::{GeoProvider, GeoRecord};
///
/// let everyone_is_in_oslo = |_: IpAddr| {
///     Some(GeoRecord { city: "Oslo".into(), country_code: "NO".into(), ..GeoRecord::default() })
/// };
/// let record = everyone_is_in_oslo.lookup(IpAddr::from([192, 0, 2, 1]));
/// assert_eq!(record.map(|found| found.city).as_deref(), Some("Oslo"));
/// ```
pub trait GeoProvider: Send + Sync + 'static {
    /// The record for `ip`, or `None` when nothing is known about it.
    fn lookup(&self, ip: IpAddr) -> Option<GeoRecord>;
}

impl<F> GeoProvider for F
where
    F: Fn(IpAddr) -> Option<GeoRecord> + Send + Sync + 'static,
{
    fn lookup(&self, ip: IpAddr) -> Option<GeoRecord> {
        self(ip)
    }
}

impl<P: GeoProvider + ?Sized> GeoProvider for Arc<P> {
    fn lookup(&self, ip: IpAddr) -> Option<GeoRecord> {
        (**self).lookup(ip)
    }
}

/// Answers every address with the same record.
///
/// The default is the fictitious record that fastlike has always answered
/// ([`GeoRecord::fastlike`]): a program sees data of the right shape before
/// anything is configured.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedGeo {
    record: GeoRecord,
}

impl FixedGeo {
    /// Answers `record` to every lookup.
    pub fn new(record: GeoRecord) -> Self {
        Self { record }
    }
}

impl Default for FixedGeo {
    fn default() -> Self {
        Self::new(GeoRecord::fastlike())
    }
}

impl GeoProvider for FixedGeo {
    fn lookup(&self, _: IpAddr) -> Option<GeoRecord> {
        Some(self.record.clone())
    }
}

/// Answers loopback and private addresses with [`GeoRecord::loopback`], and
/// nothing else.
///
/// A developer's own requests come from such addresses, and a guest that only
/// ever sees "no data" for them cannot be tried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalGeo;

impl LocalGeo {
    /// Whether `ip` is loopback (`127.0.0.0/8`, `::1`), private (RFC 1918,
    /// `fc00::/7`) or link-local (`169.254.0.0/16`, `fe80::/10`).
    pub fn covers(ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
            IpAddr::V6(v6) => {
                v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()
            }
        }
    }
}

impl GeoProvider for LocalGeo {
    fn lookup(&self, ip: IpAddr) -> Option<GeoRecord> {
        Self::covers(ip).then(GeoRecord::loopback)
    }
}

/// Asks several providers in order; the first that knows the address answers.
///
/// Records are not merged: a guest never sees one provider's city beside
/// another's country.
///
/// ```
/// use fastlike_runtime::{GeoProvider, GeoRecord, GeoTable, LayeredGeo, LocalGeo};
///
/// let office = GeoRecord { city: "Lima".into(), ..GeoRecord::default() };
/// let table = GeoTable::from_keys([("10.1.0.0/16", office)])?;
/// let geo = LayeredGeo::new().then(table).then(LocalGeo);
///
/// assert_eq!(geo.lookup([10, 1, 2, 3].into()).unwrap().city, "Lima");
/// assert_eq!(geo.lookup([10, 2, 2, 3].into()).unwrap().city, "San Francisco");
/// assert_eq!(geo.lookup([192, 0, 2, 1].into()), None);
/// # Ok::<(), fastlike_runtime::GeoKeyError>(())
/// ```
#[derive(Clone, Default)]
pub struct LayeredGeo {
    layers: Vec<Arc<dyn GeoProvider>>,
}

impl LayeredGeo {
    /// No provider yet: answers nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks `provider` when all the earlier ones had no answer.
    #[must_use]
    pub fn then(mut self, provider: impl GeoProvider) -> Self {
        self.layers.push(Arc::new(provider));
        self
    }
}

impl fmt::Debug for LayeredGeo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayeredGeo")
            .field("layers", &self.layers.len())
            .finish()
    }
}

impl GeoProvider for LayeredGeo {
    fn lookup(&self, ip: IpAddr) -> Option<GeoRecord> {
        self.layers.iter().find_map(|layer| layer.lookup(ip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn in_city(city: &str) -> GeoRecord {
        GeoRecord {
            city: city.into(),
            ..GeoRecord::default()
        }
    }

    #[test]
    fn the_default_provider_places_every_address_in_austin() {
        let geo = FixedGeo::default();
        for address in ["192.0.2.1", "127.0.0.1", "2001:db8::1"] {
            let record = geo.lookup(ip(address)).unwrap();
            assert_eq!(record.city, "Austin");
            assert_eq!(record.as_number, 64496);
        }
    }

    #[test]
    fn local_addresses_get_the_loopback_record() {
        let local = [
            "127.0.0.1",
            "127.8.8.8",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.1.1",
            "::1",
            "::ffff:127.0.0.1",
            "fd00::1",
            "fe80::1",
        ];
        for address in local {
            assert_eq!(
                LocalGeo.lookup(ip(address)),
                Some(GeoRecord::loopback()),
                "{address}"
            );
        }
    }

    #[test]
    fn public_addresses_are_not_local() {
        for address in [
            "0.0.0.0",
            "172.32.0.1",
            "192.169.0.1",
            "203.0.113.9",
            "::",
            "2001:db8::1",
            "::ffff:203.0.113.9",
        ] {
            assert_eq!(LocalGeo.lookup(ip(address)), None, "{address}");
        }
    }

    #[test]
    fn the_first_layer_that_knows_an_address_answers() {
        let only_one = |asked: IpAddr| (asked == ip("192.0.2.1")).then(|| in_city("first"));
        let shared: Arc<dyn GeoProvider> = Arc::new(FixedGeo::new(in_city("second")));
        let geo = LayeredGeo::new().then(only_one).then(shared);

        assert_eq!(geo.lookup(ip("192.0.2.1")).unwrap().city, "first");
        assert_eq!(geo.lookup(ip("192.0.2.2")).unwrap().city, "second");
    }

    #[test]
    fn no_layers_answer_nothing() {
        assert_eq!(LayeredGeo::new().lookup(ip("127.0.0.1")), None);
    }
}
