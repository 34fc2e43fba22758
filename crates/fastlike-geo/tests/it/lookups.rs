//! What the record says for the rows of the known schemas.

use fastlike_geo::MmdbGeo;
use fastlike_runtime::GeoRecord;
use mmdb_writer::{IpVersion, Value, Writer};
use serde_json::json;

use crate::fixtures::{Databases, asn, city, country, database, keep_log, lookup, open, warnings};

#[test]
fn city_country_and_asn_databases_make_one_record() {
    let files = Databases::new();
    let geo = MmdbGeo::open([
        files.write(
            "country.mmdb",
            &[("2.125.160.0/20", country("GB", "United Kingdom"))],
        ),
        files.write("city.mmdb", &[("2.125.160.216/29", city())]),
        files.write("asn.mmdb", &[("2.125.0.0/16", asn(5607, "Sky UK Limited"))]),
        files.write(
            "link.mmdb",
            &[("2.0.0.0/8", json!({ "connection_type": "Cable/DSL" }))],
        ),
        files.write(
            "anonymous.mmdb",
            &[("2.0.0.0/8", json!({ "is_anonymous_vpn": true }))],
        ),
    ])
    .unwrap();

    let expected = GeoRecord {
        as_name: "Sky UK Limited".into(),
        as_number: 5607,
        area_code: 0,
        city: "Boxford".into(),
        conn_speed: "broadband".into(),
        conn_type: "wired".into(),
        continent: "EU".into(),
        country_code: "GB".into(),
        country_code3: "GBR".into(),
        country_name: "United Kingdom".into(),
        gmt_offset: None,
        latitude: 51.75,
        longitude: -1.25,
        metro_code: 807,
        postal_code: "OX1".into(),
        proxy_description: "vpn".into(),
        proxy_type: "anonymous".into(),
        region: Some("WBK".into()),
        utc_offset: None,
    };
    assert_eq!(lookup(&geo, "2.125.160.217"), Some(expected));

    let outside_the_city = lookup(&geo, "2.125.161.1").unwrap();
    assert_eq!(outside_the_city.city, "?");
    assert_eq!(outside_the_city.country_code, "GB");
    assert_eq!(outside_the_city.as_number, 5607);
}

#[test]
fn an_address_in_no_database_is_not_known() {
    let files = Databases::new();
    let geo = open(&files.write("asn.mmdb", &[("192.0.2.0/24", asn(64496, "Example"))]));
    for ip in ["198.51.100.1", "127.0.0.1", "2001:db8::1"] {
        assert_eq!(lookup(&geo, ip), None, "{ip}");
    }
}

#[test]
fn ipv6_and_mapped_addresses_are_found() {
    let files = Databases::new();
    let geo = open(&files.write(
        "country.mmdb",
        &[
            ("2001:db8::/32", country("NO", "Norway")),
            ("192.0.2.0/24", country("KE", "Kenya")),
        ],
    ));
    assert_eq!(lookup(&geo, "2001:db8:1::9").unwrap().country_code3, "NOR");
    assert_eq!(lookup(&geo, "192.0.2.9").unwrap().country_code3, "KEN");
    assert_eq!(
        lookup(&geo, "::ffff:192.0.2.9").unwrap().country_code3,
        "KEN"
    );
}

#[test]
fn a_database_of_ipv4_only_knows_no_ipv6_address_and_does_not_complain() {
    keep_log();
    let files = Databases::new();
    let path = files.path("v4.mmdb");
    let bytes = database(IpVersion::V4, &[("192.0.2.0/24", country("KE", "Kenya"))]);
    std::fs::write(&path, bytes).unwrap();

    let geo = open(&path);
    assert_eq!(lookup(&geo, "2001:db8::1"), None);
    assert_eq!(lookup(&geo, "::ffff:192.0.2.1").unwrap().country_code, "KE");
    assert_eq!(warnings(&path), [""; 0]);
}

#[test]
fn flat_databases_are_read_by_their_own_keys() {
    let files = Databases::new();
    let geo = open(&files.write(
        "flat.mmdb",
        &[
            ("192.0.2.0/25", json!({ "country_code": "CI" })),
            (
                "192.0.2.128/25",
                json!({
                    "country_code": "US", "city": "Duluth", "state1": "Minnesota",
                    "latitude": 46.78, "longitude": -92.1, "postcode": "", "timezone": "Etc/GMT+6",
                }),
            ),
            (
                "198.51.100.0/24",
                json!({
                    "asn": "AS64496", "as_name": "Example", "country": "Peru",
                    "country_code": "PE", "continent": "South America", "continent_code": "SA",
                }),
            ),
        ],
    ));

    let ivory_coast = lookup(&geo, "192.0.2.1").unwrap();
    assert_eq!(ivory_coast.country_name, "Côte d'Ivoire");
    assert_eq!(ivory_coast.continent, "AF");

    let duluth = lookup(&geo, "192.0.2.200").unwrap();
    assert_eq!(
        (duluth.city.as_str(), duluth.postal_code.as_str()),
        ("Duluth", "?")
    );
    assert_eq!((duluth.latitude, duluth.longitude), (46.78, -92.1));
    assert_eq!(duluth.region, None);
    assert_eq!(duluth.utc_offset, Some(-600));

    let peru = lookup(&geo, "198.51.100.7").unwrap();
    assert_eq!((peru.as_number, peru.as_name.as_str()), (64496, "Example"));
    assert_eq!(
        (peru.country_code3.as_str(), peru.continent.as_str()),
        ("PER", "SA")
    );
}

#[test]
fn an_enterprise_rows_traits_are_read() {
    let files = Databases::new();
    let mut row = city();
    row["traits"] = json!({
        "autonomous_system_number": 64496, "autonomous_system_organization": "Example",
        "connection_type": "Cellular", "is_anonymous": true, "is_hosting_provider": true,
    });
    let geo = open(&files.write("enterprise.mmdb", &[("192.0.2.0/24", row)]));

    let record = lookup(&geo, "192.0.2.1").unwrap();
    assert_eq!((record.city.as_str(), record.as_number), ("Boxford", 64496));
    assert_eq!(record.conn_type, "mobile");
    assert_eq!(record.proxy_type, "hosting");
}

#[test]
fn every_number_type_of_the_format_is_read() {
    let files = Databases::new();
    let path = files.path("typed.mmdb");
    let location = Value::map([
        ("latitude", Value::from(37.751_f32)),
        ("longitude", Value::from(-97.822_f64)),
        ("metro_code", Value::from(807_u16)),
    ]);
    let row = Value::map([
        ("location", location),
        ("autonomous_system_number", Value::from(64496_u32)),
        ("city", Value::from(7_u128)),
        ("postal", Value::from(-1_i32)),
        ("asn", Value::from(true)),
    ]);
    let mut writer = Writer::new("Typed");
    writer
        .insert_value("192.0.2.0/24".parse::<ipnet::IpNet>().unwrap(), row)
        .unwrap();
    std::fs::write(&path, writer.to_bytes().unwrap()).unwrap();

    let record = lookup(&open(&path), "192.0.2.1").unwrap();
    assert_eq!((record.latitude, record.longitude), (37.751, -97.822));
    assert_eq!((record.metro_code, record.as_number), (807, 64496));
    assert_eq!(
        (record.city.as_str(), record.postal_code.as_str()),
        ("?", "?")
    );
}

#[test]
fn a_row_that_cannot_be_read_costs_only_its_own_part_and_one_warning() {
    keep_log();
    let files = Databases::new();
    let path = files.write(
        "odd.mmdb",
        &[(
            "192.0.2.0/24",
            json!({ "location": "52.3,4.9", "autonomous_system_number": 64496 }),
        )],
    );
    let geo = open(&path);
    for _ in 0..3 {
        let record = lookup(&geo, "192.0.2.1").unwrap();
        assert_eq!(
            (record.country_code.as_str(), record.as_number),
            ("?", 64496)
        );
    }
    assert_eq!(warnings(&path).len(), 1);
}

#[test]
fn a_row_without_a_known_key_is_no_answer() {
    let files = Databases::new();
    let geo = open(&files.write(
        "other.mmdb",
        &[("192.0.2.0/24", json!({ "domain": "x.test" }))],
    ));
    assert_eq!(lookup(&geo, "192.0.2.1"), None);
}

#[test]
fn the_databases_in_use_are_described() {
    let files = Databases::new();
    let path = files.write("asn.mmdb", &[("192.0.2.0/24", asn(64496, "Example"))]);
    let described = open(&path).databases();
    assert_eq!(described.len(), 1);
    assert_eq!(
        (&described[0].path, described[0].kind.as_str()),
        (&path, "Test-Database")
    );
    assert!(described[0].built > 0);
}
