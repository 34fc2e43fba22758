//! A database that cannot be used is refused at the start, with its mend.

use std::fs;
use std::path::Path;

use fastlike_geo::MmdbGeo;
use mmdb_writer::IpVersion;

use crate::fixtures::{Databases, country, database};

/// The message, which always names the file.
fn refusal(path: &Path) -> String {
    let error = MmdbGeo::open([path]).unwrap_err();
    assert_eq!(error.path(), path);
    let message = error.to_string();
    assert!(message.contains(&path.display().to_string()), "{message}");
    assert!(message.ends_with(&format!("{}; {}", error.problem(), error.mend())));
    message
}

#[test]
fn a_missing_file() {
    let message = refusal(&Databases::new().path("missing.mmdb"));
    assert!(message.contains("no such file"), "{message}");
    assert!(message.contains("check the path"), "{message}");
}

#[test]
fn a_directory() {
    let files = Databases::new();
    let path = files.path("GeoLite2-City_20260101");
    fs::create_dir(&path).unwrap();
    let message = refusal(&path);
    assert!(message.contains("name the .mmdb file in it"), "{message}");
}

#[test]
fn files_that_are_no_database() {
    let whole = database(IpVersion::V6, &[("192.0.2.0/24", country("KE", "Kenya"))]);
    let truncated = &whole[..whole.len() / 2];
    let cases: [(&[u8], &str, &str); 5] = [
        (b"", "empty", "download"),
        (b"\x1f\x8b\x08\0 and so on", "gzip", "unpack"),
        (b"PK\x03\x04 and so on", "zip", "unpack"),
        (b"<!doctype html>", "damaged", "download"),
        (truncated, "damaged", "download"),
    ];
    let files = Databases::new();
    for (bytes, problem, mend) in cases {
        let path = files.path("broken.mmdb");
        fs::write(&path, bytes).unwrap();
        let message = refusal(&path);
        assert!(message.contains(problem), "{message}");
        assert!(message.contains(mend), "{message}");
    }
}

#[test]
fn one_bad_file_among_good_ones() {
    let files = Databases::new();
    let good = files.write("good.mmdb", &[("192.0.2.0/24", country("KE", "Kenya"))]);
    let missing = files.path("missing.mmdb");
    let error = MmdbGeo::open([&good, &missing]).unwrap_err();
    assert_eq!(error.path(), missing);
}
