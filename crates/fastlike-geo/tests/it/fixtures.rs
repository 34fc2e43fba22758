//! Databases to look things up in, and a log to look into.

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use fastlike_geo::MmdbGeo;
use fastlike_runtime::{GeoProvider, GeoRecord};
use ipnet::IpNet;
use mmdb_writer::{IpVersion, Writer};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A directory for one test's databases.
pub(crate) struct Databases(TempDir);

impl Databases {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a database, and renames it over an existing one as updaters do.
    pub(crate) fn write(&self, name: &str, rows: &[(&str, Value)]) -> PathBuf {
        let new = self.path(&format!("{name}.new"));
        std::fs::write(&new, database(IpVersion::V6, rows)).unwrap();
        let path = self.path(name);
        std::fs::rename(new, &path).unwrap();
        path
    }
}

/// The bytes of a database.
pub(crate) fn database(version: IpVersion, rows: &[(&str, Value)]) -> Vec<u8> {
    let mut writer = Writer::builder("Test-Database").ip_version(version).build();
    for (network, row) in rows {
        let network: IpNet = network.parse().unwrap();
        writer.insert(network, row).unwrap();
    }
    writer.to_bytes().unwrap()
}

/// A row of a country database.
pub(crate) fn country(code: &str, name: &str) -> Value {
    json!({ "country": { "iso_code": code, "names": { "en": name, "de": "ein Land" } } })
}

/// A row of a city database.
pub(crate) fn city() -> Value {
    json!({
        "city": { "geoname_id": 2_655_045, "names": { "de": "Boxford", "en": "Boxford" } },
        "continent": { "code": "EU", "geoname_id": 6_255_148, "names": { "en": "Europe" } },
        "country": {
            "iso_code": "GB", "is_in_european_union": false,
            "names": { "en": "United Kingdom", "fr": "Royaume-Uni" },
        },
        "location": {
            "accuracy_radius": 100, "latitude": 51.75, "longitude": -1.25,
            "metro_code": 807, "time_zone": "Europe/London",
        },
        "postal": { "code": "OX1" },
        "registered_country": { "iso_code": "FR", "names": { "en": "France" } },
        "subdivisions": [
            { "iso_code": "ENG", "names": { "en": "England" } },
            { "iso_code": "WBK", "names": { "en": "West Berkshire" } },
        ],
    })
}

/// A row of an ASN database.
pub(crate) fn asn(number: u32, name: &str) -> Value {
    json!({ "autonomous_system_number": number, "autonomous_system_organization": name })
}

pub(crate) fn lookup(geo: &impl GeoProvider, ip: &str) -> Option<GeoRecord> {
    geo.lookup(ip.parse::<IpAddr>().unwrap())
}

pub(crate) fn open(path: &Path) -> MmdbGeo {
    MmdbGeo::open([path]).unwrap()
}

/// The warnings in the log that name `path`. Reloading happens on a thread of
/// its own, so all tests of this program share one log.
pub(crate) fn warnings(path: &Path) -> Vec<String> {
    let path = path.display().to_string();
    let log = LOG.0.lock();
    String::from_utf8_lossy(&log)
        .lines()
        .filter(|line| line.contains("WARN") && line.contains(&path))
        .map(Into::into)
        .collect()
}

/// Starts to keep the log; a test that calls [`warnings`] calls this first.
pub(crate) fn keep_log() {
    LazyLock::force(&LOG);
}

static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    log
});

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
