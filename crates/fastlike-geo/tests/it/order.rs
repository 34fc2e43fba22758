//! The order of answers of [`fastlike_geo::standard`].

use fastlike_runtime::{GeoRecord, GeoTable};

use crate::fixtures::{Databases, country, lookup};

#[test]
fn the_table_comes_before_the_databases_and_those_before_the_local_record() {
    let files = Databases::new();
    let database = files.write(
        "country.mmdb",
        &[
            ("192.0.2.0/24", country("KE", "Kenya")),
            ("10.1.0.0/16", country("NO", "Norway")),
        ],
    );
    let listed = GeoRecord {
        city: "listed".into(),
        ..GeoRecord::default()
    };
    let table = GeoTable::from_keys([("192.0.2.7", listed.clone()), ("10.9.0.0/16", listed)]);
    let geo = fastlike_geo::standard(table.unwrap(), vec![database]).unwrap();

    let answer = |ip| lookup(&geo, ip).map(|record| (record.city, record.country_code));
    let pair = |city: &str, country: &str| Some((city.to_owned(), country.to_owned()));
    assert_eq!(answer("192.0.2.7"), pair("listed", "?"));
    assert_eq!(answer("192.0.2.8"), pair("?", "KE"));
    assert_eq!(answer("10.9.1.1"), pair("listed", "?"));
    assert_eq!(answer("10.1.1.1"), pair("?", "NO"));
    assert_eq!(answer("10.2.1.1"), pair("San Francisco", "US"));
    assert_eq!(answer("::1"), pair("San Francisco", "US"));
    assert_eq!(answer("198.51.100.1"), None);
}

#[test]
fn without_table_and_databases_only_local_addresses_are_known() {
    let geo = fastlike_geo::standard(GeoTable::new(), Vec::new()).unwrap();
    assert_eq!(lookup(&geo, "127.0.0.1"), Some(GeoRecord::loopback()));
    assert_eq!(lookup(&geo, "192.0.2.1"), None);
}

#[test]
fn a_database_that_cannot_be_used_stops_the_start() {
    let missing = Databases::new().path("missing.mmdb");
    let refused = fastlike_geo::standard(GeoTable::new(), vec![missing.clone()]);
    assert_eq!(refused.err().unwrap().path(), missing);
}
