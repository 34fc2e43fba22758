//! A database that changes while it is in use.

#![expect(
    clippy::disallowed_methods,
    reason = "the provider reloads on a thread of its own, in real time"
)]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastlike_geo::MmdbGeo;
use mmdb_writer::IpVersion;

use crate::fixtures::{Databases, country, database, keep_log, lookup, open, warnings};

const IP: &str = "192.0.2.1";
const NETWORK: &str = "192.0.2.0/24";

/// The provider, looking at its file at every lookup.
fn watchful(path: &Path) -> MmdbGeo {
    open(path).check_every(Duration::ZERO)
}

fn code(geo: &MmdbGeo) -> String {
    lookup(geo, IP).unwrap().country_code
}

/// Looks things up until `done`, since reloading takes place beside lookups.
fn eventually(geo: &MmdbGeo, what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        lookup(geo, IP);
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_replaced_file_is_loaded() {
    let files = Databases::new();
    let path = files.write("geo.mmdb", &[(NETWORK, country("KE", "Kenya"))]);
    let geo = watchful(&path);
    assert_eq!(code(&geo), "KE");

    files.write("geo.mmdb", &[(NETWORK, country("NO", "Norway"))]);
    eventually(&geo, "Norway", || code(&geo) == "NO");
}

#[test]
fn a_file_is_looked_at_once_a_second_by_default() {
    let files = Databases::new();
    let path = files.write("geo.mmdb", &[(NETWORK, country("KE", "Kenya"))]);
    let opened = Instant::now();
    let geo = open(&path);

    files.write("geo.mmdb", &[(NETWORK, country("NO", "Norway"))]);
    eventually(&geo, "Norway", || code(&geo) == "NO");
    assert!(opened.elapsed() >= Duration::from_millis(900));
}

#[test]
fn a_broken_new_file_keeps_the_old_database_and_warns_once() {
    keep_log();
    let files = Databases::new();
    let path = files.write("geo.mmdb", &[(NETWORK, country("KE", "Kenya"))]);
    let geo = watchful(&path);

    fs::write(&path, "not a database").unwrap();
    eventually(&geo, "the warning", || !warnings(&path).is_empty());
    for _ in 0..50 {
        assert_eq!(code(&geo), "KE");
        thread::sleep(Duration::from_millis(1));
    }
    let log = warnings(&path);
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].contains("the old one stays in use"), "{log:?}");
    assert!(log[0].contains("download the .mmdb file again"), "{log:?}");

    files.write("geo.mmdb", &[(NETWORK, country("NO", "Norway"))]);
    eventually(&geo, "Norway", || code(&geo) == "NO");
}

#[test]
fn a_removed_file_keeps_the_old_database_until_a_new_one_is_there() {
    keep_log();
    let files = Databases::new();
    let path = files.write("geo.mmdb", &[(NETWORK, country("KE", "Kenya"))]);
    let geo = watchful(&path);

    fs::remove_file(&path).unwrap();
    eventually(&geo, "the warning", || !warnings(&path).is_empty());
    for _ in 0..50 {
        assert_eq!(code(&geo), "KE");
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(warnings(&path).len(), 1);

    files.write("geo.mmdb", &[(NETWORK, country("NO", "Norway"))]);
    eventually(&geo, "Norway", || code(&geo) == "NO");
}

#[test]
fn a_file_that_is_written_in_place_is_loaded_when_it_is_complete() {
    let files = Databases::new();
    let path = files.write("geo.mmdb", &[(NETWORK, country("KE", "Kenya"))]);
    let geo = watchful(&path);

    let bytes = database(IpVersion::V6, &[(NETWORK, country("NO", "Norway"))]);
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    for _ in 0..20 {
        assert_eq!(code(&geo), "KE");
        thread::sleep(Duration::from_millis(1));
    }
    fs::write(&path, bytes).unwrap();
    eventually(&geo, "Norway", || code(&geo) == "NO");
}

#[test]
fn only_the_changed_one_of_two_databases_is_loaded_again() {
    let files = Databases::new();
    let first = files.write("first.mmdb", &[(NETWORK, country("KE", "Kenya"))]);
    let second = files.write(
        "second.mmdb",
        &[("198.51.100.0/24", country("NO", "Norway"))],
    );
    let geo = MmdbGeo::open([first, second])
        .unwrap()
        .check_every(Duration::ZERO);

    files.write("second.mmdb", &[("198.51.100.0/24", country("PE", "Peru"))]);
    eventually(&geo, "Peru", || {
        lookup(&geo, "198.51.100.1").unwrap().country_code == "PE"
    });
    assert_eq!(code(&geo), "KE");
}

#[test]
fn lookups_beside_reloading_always_see_one_whole_database() {
    let files = Databases::new();
    let kenya = || country("KE", "Kenya");
    let path = files.write("geo.mmdb", &[(NETWORK, kenya())]);
    let geo = watchful(&path);
    let stop = AtomicBool::new(false);

    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let record = lookup(&geo, IP).unwrap();
                    let seen = (record.country_code.as_str(), record.country_name.as_str());
                    assert!(
                        matches!(seen, ("KE", "Kenya") | ("NO", "Norway")),
                        "{seen:?}"
                    );
                }
            });
        }
        for round in 0..20 {
            let row = if round % 2 == 0 {
                country("NO", "Norway")
            } else {
                kenya()
            };
            files.write("geo.mmdb", &[(NETWORK, row)]);
            thread::sleep(Duration::from_millis(5));
        }
        stop.store(true, Ordering::Relaxed);
    });
    eventually(&geo, "the last file", || code(&geo) == "KE");
}
