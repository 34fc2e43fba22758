//! Geolocation for fastlike from databases in MaxMind's format (`.mmdb`).
//!
//! [`MmdbGeo`] answers a guest's lookups from one or several databases;
//! [`standard`] puts it in the order the command line uses. Both implement the
//! runtime's [`GeoProvider`], so a program that embeds the runtime passes them
//! to its builder, or passes something of its own instead.
//!
//! ```no_run
//! let geo = fastlike_geo::MmdbGeo::open(["GeoLite2-City.mmdb", "GeoLite2-ASN.mmdb"])?;
//! # Ok::<(), fastlike_geo::GeoDatabaseError>(())
//! ```
//!
//! # What is read
//!
//! Keys are found by their names, so any database with these serves:
//!
//! | database | keys | fields of the record |
//! |---|---|---|
//! | GeoLite2/GeoIP2 Country, City, Enterprise | `continent`, `country` (or `registered_country`), `subdivisions`, `city`, `postal`, `location` | `continent`, `country_*`, `region`, `city`, `postal_code`, `latitude`, `longitude`, `metro_code` |
//! | flat country and city databases | `continent_code`, `country_code`, `country_name`, `city`, `postcode`, `latitude`, `longitude` | the same, without `region` and `metro_code` |
//! | ASN, ISP | `autonomous_system_number`, `autonomous_system_organization`, `isp`, `organization`; flat: `asn`, `as_name` | `as_number`, `as_name` |
//! | Connection-Type | `connection_type` | `conn_speed`, `conn_type` |
//! | Anonymous-IP | `is_tor_exit_node`, `is_anonymous_vpn`, … | `proxy_description`, `proxy_type` |
//!
//! Network keys are also read under `traits`, where Enterprise databases have
//! them. The alpha-3 code, and a country's name and continent where a database
//! does not give them, follow from the country's code.
//!
//! # What is left unknown
//!
//! `area_code` is in no such database. `utc_offset` would need a time-zone
//! database besides: databases name a zone (`Europe/Paris`), whose offset
//! depends on the date, so it is set only for zones that are an offset by name
//! (`Etc/UTC`, `Etc/GMT+5`). `region` is a code, and flat databases that only
//! have a subdivision's name leave it out.

mod countries;
mod database;
mod error;
mod facts;
mod mmdb;
mod schema;

use std::path::PathBuf;

use fastlike_runtime::{GeoProvider, GeoTable, LayeredGeo, LocalGeo};

pub use crate::database::DatabaseInfo;
pub use crate::error::GeoDatabaseError;
pub use crate::mmdb::MmdbGeo;

/// The order in which the command line answers: `table` (what a manifest
/// lists), then `databases`, then [`LocalGeo`]'s record for loopback and
/// private addresses, else nothing.
///
/// The first layer that knows an address answers alone. For another order, or
/// without the record for local addresses, build a [`LayeredGeo`]:
/// `LayeredGeo::new().then(table).then(MmdbGeo::open(databases)?)`.
///
/// # Errors
/// The first database that is missing, unreadable or not such a database.
pub fn standard(
    table: GeoTable,
    databases: Vec<PathBuf>,
) -> Result<impl GeoProvider, GeoDatabaseError> {
    let databases = MmdbGeo::open(databases)?;
    Ok(LayeredGeo::new().then(table).then(databases).then(LocalGeo))
}
