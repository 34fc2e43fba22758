//! Each `testdata/manifests/*.toml` is read; what is said of it must be what
//! the `.expected` beside it holds (`UPDATE_EXPECT=1` writes them anew).

mod backends;
mod extras;
mod json;
mod kv_stores;
mod misplaced;
mod syntax;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::geo::GeoProvider as _;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/manifests")
}

fn load(name: &str) -> (Manifest, Vec<Warning>) {
    let variable = |name: &str| (name == "FASTLIKE_TEST_SECRET").then(|| "of the day".to_owned());
    Manifest::load_with(folder().join(name), Surroundings::new().variable(&variable))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Problems and warnings of a text that is read as `path`.
fn said_of(path: impl Into<PathBuf>, text: &str) -> (Vec<Problem>, Vec<Warning>) {
    match Manifest::parse(path, text) {
        Ok((_, warnings)) => (Vec::new(), warnings),
        Err(Error::Invalid {
            problems, warnings, ..
        }) => (problems, warnings),
        Err(error) => panic!("{error}"),
    }
}

/// The places of problems with their titles.
fn titles(problems: &[Problem]) -> Vec<String> {
    let title = |p: &Problem| format!("{}:{} {}", p.line, p.column, p.title());
    problems.iter().map(title).collect()
}

/// What a user would be told of a file.
fn report(path: &Path) -> String {
    let (mut out, warnings) = match Manifest::load(path) {
        Ok((_, warnings)) => ("usable\n".to_owned(), warnings),
        Err(Error::Invalid {
            path,
            problems,
            warnings,
            files,
        }) => {
            let error = Error::Invalid {
                path,
                problems,
                warnings: Vec::new(),
                files,
            };
            (format!("{error}\n"), warnings)
        }
        Err(error) => panic!("{}: {error}", path.display()),
    };
    for warning in warnings {
        let _ = writeln!(out, "warning: {warning}");
    }
    out.replace(&format!("{}/", folder().display()), "")
        .replace(&folder().display().to_string(), "FOLDER")
}

#[test]
fn each_manifest_is_reported_as_expected() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut seen = 0;
    for entry in fs::read_dir(folder()).expect("testdata/manifests") {
        let path = entry.expect("a directory entry").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        seen += 1;
        let expected = path.with_extension("expected");
        let report = report(&path);
        if update {
            fs::write(&expected, &report).expect("writable testdata");
        }
        let wanted = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(
            report,
            wanted,
            "{}; UPDATE_EXPECT=1 accepts the new report",
            path.display()
        );
    }
    assert!(seen >= 10, "only {seen} manifests");
}

/// What `complete.toml` says of how connections are made, kept and probed.
fn assert_connections(full: &BackendSettings) {
    use crate::backend::TlsVersion;
    let connections = &full.connections;
    assert_eq!(connections.sni_hostname.as_deref(), Some("sni.example.com"));
    assert_eq!(connections.ssl_min_version, Some(TlsVersion::Tls1_2));
    assert_eq!(connections.ssl_max_version, Some(TlsVersion::Tls1_3));
    assert!(connections.ciphers.is_some());
    let (pooling, http2, ipv6) = (
        connections.pooling,
        connections.http2,
        connections.prefer_ipv6,
    );
    assert_eq!(
        (pooling, http2, ipv6),
        (Some(true), Some(true), Some(false))
    );
    assert_eq!(connections.max_connections, Some(100));
    assert_eq!(connections.max_use, Some(1000));
    assert_eq!(connections.max_lifetime, Some(Duration::from_secs(60)));
    assert_eq!(
        connections.http_keepalive_time,
        Some(Duration::from_secs(30))
    );
    let probes = connections.tcp_keepalive.expect("probes");
    assert_eq!(
        (
            probes.time.as_secs(),
            probes.interval.as_secs(),
            probes.probes
        ),
        (60, 10, 3)
    );
    let check = full.health_check.as_ref().expect("a health check");
    assert_eq!(
        (check.host.as_str(), check.path.as_str()),
        ("www.example.com", "/health")
    );
    assert_eq!(
        (check.method.as_str(), check.expected_status),
        ("HEAD", 204)
    );
    assert_eq!((check.interval.as_secs(), check.timeout.as_secs()), (10, 2));
    assert_eq!((check.window, check.threshold, check.initial), (6, 4, 3));
    full.origin().expect("an origin");
}

#[test]
fn a_complete_manifest_arrives_as_plain_data() {
    let (manifest, warnings) = load("complete.toml");
    assert_eq!(warnings, []);

    let plain = &manifest.backends["plain"];
    assert_eq!(plain.url, "http://127.0.0.1:8080/prefix");
    assert!(plain.use_sni && plain.check_cert && !plain.grpc);
    assert_eq!(
        (
            plain.connect_timeout,
            plain.first_byte_timeout,
            plain.between_bytes_timeout
        ),
        (None, None, None)
    );
    assert_eq!(plain.line, 14);

    let full = &manifest.backends["every key"];
    assert_eq!(full.override_host.as_deref(), Some("www.example.com"));
    assert_eq!(full.cert_host.as_deref(), Some("cert.example.com"));
    assert!(!full.use_sni && !full.check_cert);
    assert_eq!(full.connect_timeout, Some(Duration::from_millis(500)));
    assert_eq!(full.first_byte_timeout, Some(Duration::from_secs(2)));
    assert_eq!(full.between_bytes_timeout, Some(Duration::from_secs(1)));
    assert_eq!(full.health, crate::backend::Health::Healthy);
    assert!(full.grpc);
    assert_connections(full);
    assert_eq!(full.ca_certificates.len(), 2);
    let certificate = full
        .client_certificate
        .as_ref()
        .expect("a client certificate");
    assert!(
        certificate
            .certificate
            .starts_with(b"-----BEGIN CERTIFICATE")
    );
    assert!(certificate.key.starts_with(b"-----BEGIN PRIVATE KEY"));
}

#[test]
fn config_stores_and_dictionaries_are_one() {
    let (manifest, _) = load("complete.toml");
    let inline = &manifest.config_stores["inline"];
    assert_eq!(inline.entries["colour"], "blue");
    assert_eq!(inline.entries["a key with blanks"], "");
    let file = &manifest.config_stores["file"];
    assert_eq!(file.entries["greeting"], "hello");
    assert!(
        file.file
            .as_deref()
            .is_some_and(|path| path.ends_with("files/store.json"))
    );
}

#[test]
fn secrets_come_from_the_manifest_from_files_and_from_the_environment() {
    let (manifest, _) = load("complete.toml");
    let secret = |store: &str, name: &str| {
        let secret = manifest.secret_stores.get(store)?.secrets.get(name)?;
        Some(String::from_utf8_lossy(secret.plaintext()).into_owned())
    };
    assert_eq!(secret("keys", "password").as_deref(), Some("hush"));
    assert_eq!(secret("keys", "from.file").as_deref(), Some("hush"));
    let today = secret("keys", "from_environment");
    assert_eq!(today.as_deref(), Some("of the day"));
    assert_eq!(secret("more", "password").as_deref(), Some("s3cret"));
    assert_eq!(secret("more", "empty").as_deref(), Some(""));
    let shown = format!("{:?}", manifest.secret_stores);
    assert!(
        !shown.contains("hush") && !shown.contains("s3cret"),
        "{shown}"
    );

    // What is not set is empty, as elsewhere, and said.
    let (manifest, warnings) = Manifest::load(folder().join("complete.toml")).expect("usable");
    assert_eq!(warnings.len(), 1);
    assert_eq!(
        warnings[0].message,
        "the environment variable `FASTLIKE_TEST_SECRET` is not set"
    );
    let keys = &manifest.secret_stores["keys"];
    assert_eq!(keys.secrets["from_environment"].plaintext(), b"");
}

#[test]
fn what_is_reported_of_secret_stores_shows_none() {
    let report = report(&folder().join("secret-stores.toml"));
    for secret in ["s3cret", "5371"] {
        assert!(!report.contains(secret), "{report}");
    }
}

#[test]
fn an_acl_is_what_its_changes_leave() {
    let (manifest, _) = load("complete.toml");
    let entries = |name: &str| {
        let entries = manifest.acls[name].entries.iter();
        let shown = entries.map(|entry| format!("{} {}", entry.prefix, entry.action));
        shown.collect::<Vec<_>>()
    };
    let expected = [
        "192.0.2.0/24 BLOCK",
        "192.0.2.7/32 ALLOW",
        "198.51.100.0/24 BLOCK",
        "2001:db8::/32 ALLOW",
    ];
    assert_eq!(entries("clients"), expected);
    assert_eq!(entries("same"), expected);
}

#[test]
fn devices_arrive_as_they_were_written() {
    let (manifest, _) = load("complete.toml");
    let phone = &manifest.devices["a phone"];
    assert_eq!(phone.device.brand.as_deref(), Some("Brand"));
    assert_eq!(phone.device.is_mobile, Some(true));
    assert_eq!(phone.device.is_tablet, Some(false));
    assert_eq!(phone.device.is_desktop, None);
}

#[test]
fn more_entries_than_the_platform_has_are_warned_of() {
    let store = |count: usize| {
        let entries: String = (0..count).map(|n| format!("k{n} = ''\n")).collect();
        let text = format!(
            "[local_server.config_stores.a]\nformat = 'inline-toml'\n[local_server.config_stores.a.contents]\n{entries}"
        );
        let (_, warnings) = Manifest::parse("fastly.toml", text).expect("usable");
        warnings.into_iter().map(|w| w.message).collect::<Vec<_>>()
    };
    assert_eq!(store(500), [] as [String; 0]);
    assert_eq!(
        store(501),
        ["there are 501 entries; on the platform a config store has at most 500"]
    );
}

#[test]
fn addresses_become_networks() {
    let (manifest, _) = load("complete.toml");
    assert!(!manifest.geolocation.use_default_loopback);
    let city = |manifest: &Manifest, ip: &str| {
        let record = manifest
            .geolocation
            .table
            .lookup(ip.parse().expect("an address"))?;
        Some((record.city, record.as_number))
    };
    assert_eq!(city(&manifest, "192.0.2.7"), Some(("Lisbon".to_owned(), 0)));
    assert_eq!(city(&manifest, "192.0.2.8"), None);
    assert_eq!(
        city(&manifest, "2001:db8:5::1"),
        Some(("?".to_owned(), 64496))
    );

    let (manifest, _) = load("geo-file.toml");
    assert!(manifest.geolocation.use_default_loopback);
    assert_eq!(
        city(&manifest, "203.0.113.200"),
        Some(("Porto".to_owned(), 64497))
    );
    assert_eq!(city(&manifest, "::1"), Some(("Home".to_owned(), 0)));
}

#[test]
fn shields_and_pushpin_are_where_the_manifest_says() {
    let (manifest, _) = load("complete.toml");
    let sites: Vec<_> = manifest.shielding_sites.into_iter().collect();
    let at = ShieldSite::At {
        plain: "http://127.0.0.1:7677".to_owned(),
        tls: "https://bfi.example:8443".to_owned(),
    };
    assert_eq!(
        sites,
        [
            ("bfi-wa-us".to_owned(), at),
            ("pdx-or-us".to_owned(), ShieldSite::Running)
        ]
    );
    assert_eq!(manifest.pushpin, Some(7999));
    let pushpin = |section: &str| {
        let parsed = Manifest::parse("fastly.toml", format!("[local_server.pushpin]\n{section}"));
        parsed.expect("a valid manifest").0.pushpin
    };
    assert_eq!(pushpin("enable = true"), Some(7677));
    assert_eq!(pushpin("proxy_port = 1"), None);
    assert_eq!(pushpin("enable = false\nproxy_port = 1"), None);
}

#[test]
fn valid_keys_are_a_list_and_no_message_shows_them() {
    let parse = |value: &str| {
        let text = format!("[local_server]\nfake_valid_fastly_keys = {value}\n");
        Manifest::parse("fastly.toml", text)
    };
    let (manifest, _) = parse("[\"s3cret\", \"other\"]").expect("valid");
    assert_eq!(manifest.fastly_keys, ["s3cret", "other"]);
    for wrong in ["\"s3cret\"", "[\"s3cret\", 1]", "{ s3cret = 1 }"] {
        let error = parse(wrong).expect_err("no list of strings");
        let Error::Invalid { problems, .. } = error else {
            panic!("{error}");
        };
        let shown = format!("{} {}", problems[0].title(), problems[0].source_line);
        assert!(
            wrong.starts_with('{') || !shown.contains("s3cret"),
            "{shown}"
        );
    }
}

#[test]
fn a_shields_name_has_1_byte_to_the_limit() {
    let parse = |length| {
        let name = "s".repeat(length);
        let text = format!("[local_server.shielding_sites]\n\"{name}\" = \"Local\"\n");
        Manifest::parse("fastly.toml", text)
    };
    assert!(parse(crate::limits::SHIELD_NAME).is_ok());
    assert!(parse(crate::limits::SHIELD_NAME + 1).is_err());
    assert!(parse(0).is_err());
}

#[test]
fn a_path_is_looked_up_beside_the_manifest_then_in_the_working_directory() {
    let folder = tempfile::tempdir().expect("a folder");
    // Unit tests run in the package's folder.
    let text = |file: &str| {
        format!("[local_server.config_stores.a]\nformat = \"json\"\nfile = \"{file}\"\n")
    };
    let parse = |file: &str| Manifest::parse(folder.path().join("fastly.toml"), text(file));

    fs::write(folder.path().join("a.json"), r#"{"from": "beside"}"#).expect("writable");
    let (manifest, _) = parse("a.json").expect("found beside the manifest");
    assert_eq!(manifest.config_stores["a"].entries["from"], "beside");

    let (manifest, _) = parse("../../testdata/manifests/files/store.json")
        .expect("found from the working directory");
    assert_eq!(manifest.config_stores["a"].entries["greeting"], "hello");

    let absolute = self::folder().join("files/store.json");
    parse(&absolute.display().to_string()).expect("an absolute path");
}

#[test]
fn platform_limits_of_config_stores_hold() {
    let parse = |key: usize, value: usize| {
        let (key, value) = ("k".repeat(key), "ü".repeat(value));
        let contents = format!(
            "[local_server.config_stores.a]\nformat = \"inline-toml\"\ncontents = {{ {key} = \"{value}\" }}\n"
        );
        Manifest::parse("fastly.toml", contents)
    };
    assert!(parse(256, 8000).is_ok());
    assert!(parse(257, 8000).is_err());
    assert!(parse(256, 8001).is_err());
}

#[test]
fn a_backend_name_has_1_to_255_bytes() {
    let parse = |name: &str| {
        Manifest::parse(
            "fastly.toml",
            format!("[local_server.backends.\"{name}\"]\nurl = \"http://a\"\n"),
        )
    };
    assert!(parse(&"b".repeat(255)).is_ok());
    assert!(parse(&"b".repeat(256)).is_err());
    assert!(parse("").is_err());
}

#[test]
fn no_secret_is_shown() {
    let text = r#"
[local_server.backends]
b = { url = "http://me:s3cret@b" }
a = { url = "bad", client_certificate = { certificate = "s3cret", key = "s3cret", kee = "s3cret" } }
[local_server]
secret_stores = { s = [{ key = "k", data = "s3cret" }] }
fake_valid_fastly_keys = ["s3cret"]
"#;
    let Err(Error::Invalid {
        problems, warnings, ..
    }) = Manifest::parse("fastly.toml", text)
    else {
        panic!("the manifest is wrong");
    };
    assert_eq!(
        (problems.len(), warnings.len()),
        (3, 1),
        "{problems:?} {warnings:?}"
    );
    for problem in problems.iter().chain(&warnings) {
        assert!(
            !format!("{problem} {problem:?}").contains("s3cret"),
            "{problem}"
        );
    }
}

#[test]
fn a_place_is_right_in_any_text() {
    let text =
        "# ü\r\n\tx = 1 # \u{1f600}\r\n[local_server.backends.\"ü\"]\r\n\turll = \"http://a\"";
    let Err(Error::Invalid {
        problems, warnings, ..
    }) = Manifest::parse("dir/fastly.toml", text)
    else {
        panic!("the manifest is wrong");
    };
    assert_eq!(
        problems[0].to_string(),
        "dir/fastly.toml:3:1: local_server.backends.\"ü\": `url` is missing\n  \
         3 | [local_server.backends.\"ü\"]\n    | ^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  \
         help: write `url = \"https://…\"` below it"
    );
    assert_eq!((warnings[0].line, warnings[0].column), (4, 2));
    assert_eq!(&warnings[0].source_line[warnings[0].mark.clone()], "urll");
    assert_eq!(&text[warnings[0].span.clone()], "urll");
    assert!(
        warnings[0].to_string().contains("\n    | \t^^^^\n"),
        "{}",
        warnings[0]
    );
}

#[test]
fn a_missing_file_is_not_a_wrong_file() {
    let error = Manifest::load("no/such/fastly.toml").expect_err("no such file");
    assert!(matches!(error, Error::Read { .. }));
    assert_eq!(error.to_string(), "cannot read `no/such/fastly.toml`");
}

#[test]
fn text_of_any_kind_is_answered_without_a_panic() {
    for text in [
        "",
        "\u{feff}",
        "[",
        "=",
        "[local_server]",
        "local_server = 5",
        "[[local_server]]",
        "[local_server]\nbackends = []",
        "a = \"\\uD800\"",
    ] {
        let _ = Manifest::parse("", text);
    }
}
