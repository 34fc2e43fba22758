//! The sections that only fastlike reads.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::{Manifest, load};
use crate::inspect::Decision;
use crate::limits::{self, Limits};
use crate::log::{LogEndpoint, LogFormat, LogTarget, SyslogLog, SyslogTransport};

#[test]
fn every_key_arrives_as_plain_data() {
    let (manifest, warnings) = load("extras.toml");
    assert_eq!(warnings, []);
    let env: Vec<_> = manifest.env.into_iter().collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(env, [pair("EMPTY", ""), pair("GREETING", "hello")]);

    let identity = manifest.service.identity;
    assert_eq!(
        identity.service_id.as_deref(),
        Some("SU1Z0isxPaozGVKXdv0eY")
    );
    assert_eq!(
        identity.customer_id.as_deref(),
        Some("x4xCwxxJxGCx123Rx5xTx")
    );
    assert_eq!(
        (identity.service_version, identity.cache_generation),
        (7, 5)
    );
    assert_eq!(
        (identity.pop.as_str(), identity.region.as_str()),
        ("LIS", "EU-South")
    );
    assert_eq!(
        (identity.hostname.as_str(), identity.staging),
        ("cache-lis1.local", true)
    );
    assert_eq!(manifest.service.compliance_region.as_deref(), Some("eu"));

    let (milliseconds, mib) = (Duration::from_millis, 1024 * 1024);
    let mut limits = Limits::default();
    (limits.cpu, limits.wall) = (milliseconds(50), milliseconds(120_000));
    (limits.heap, limits.body_memory) = (128 * mib, 64 * mib);
    (limits.max_sandboxes, limits.pool_slots) = (100, 16);
    limits.admission_wait = milliseconds(500);
    limits.handshake_timeout = milliseconds(5_000);
    limits.header_read_timeout = milliseconds(6_000);
    limits.client_idle_timeout = milliseconds(7_000);
    (limits.reuse_requests, limits.parked_sandboxes) = (0, 0);
    (limits.reuse_wait, limits.reuse_age) = (milliseconds(8_000), milliseconds(9_000));
    (limits.max_tunnels, limits.tunnel_idle_timeout) = (10, Duration::ZERO);
    limits.drain = milliseconds(1_500);
    assert_eq!(manifest.limits, limits);

    let products = manifest.products;
    assert!(products.domain_inspector && !products.origin_inspector && !products.image_optimizer);
    let verdict = manifest.inspect.expect("a verdict");
    assert_eq!((verdict.decision, verdict.status), (Decision::Block, 403));
    assert_eq!(verdict.redirect_url, "https://example.com/blocked");
    assert_eq!(verdict.tags, ["SQLI", "XSS"]);
}

#[test]
fn clients_are_known_by_the_smallest_of_their_networks() {
    let (manifest, _) = load("extras.toml");
    let of = |address: Option<&str>| {
        let address = address.map(|a| a.parse::<IpAddr>().expect("an address"));
        manifest.client_signals.of(address)
    };
    for unknown in [None, Some("198.51.100.1"), Some("::1")] {
        let everybody = of(unknown);
        assert_eq!(everybody.ddos_detected, Some(false));
        assert_eq!(everybody.compliance_region.as_deref(), Some("us"));
        assert_eq!((everybody.bot, everybody.vpn_proxy), (None, None));
    }
    for address in ["192.0.2.1", "::ffff:192.0.2.1"] {
        let network = of(Some(address));
        let bot = network.bot.expect("a bot");
        assert!(bot.detected && bot.verified == Some(true));
        assert_eq!(
            (bot.name.as_deref(), bot.category_kind),
            (Some("ExampleBot"), Some(3))
        );
        assert_eq!(network.ddos_detected, Some(false));
        assert_eq!(network.oh_fingerprint.as_deref(), Some("aa:bb"));
    }
    let one = of(Some("192.0.2.7"));
    assert_eq!(one.ddos_detected, Some(true));
    assert!(
        one.bot
            .is_some_and(|bot| !bot.detected && bot.name.is_none())
    );
    let proxy = one.vpn_proxy.expect("a VPN");
    assert!(proxy.is_anonymous && proxy.is_vpn_datacenter && !proxy.is_tor_exit_node);
    assert_eq!(proxy.service_name.as_deref(), Some("ExampleVPN"));
    assert_eq!(one.oh_fingerprint, None);
}

#[test]
fn log_endpoints_have_their_targets() {
    let (mut manifest, _) = load("extras.toml");
    let mut take = |name: &str| manifest.log_endpoints.remove(name).expect("an endpoint");
    assert_eq!(take("out"), LogEndpoint::new(LogTarget::Stdout));
    let err = LogEndpoint::new(LogTarget::Stderr).format(LogFormat::Json);
    assert_eq!(take("err"), err);
    let access = take("access");
    assert_eq!((access.queue_lines, access.queue_bytes), (5, 4_096));
    let LogTarget::File(path) = access.target else {
        panic!("a file");
    };
    // Beside the manifest, where there is such a folder.
    assert!(
        path.ends_with("testdata/manifests/files/access.log"),
        "{}",
        path.display()
    );
    assert_eq!(
        take("lines"),
        LogEndpoint::new(LogTarget::Tcp("[::1]:5170".to_owned()))
    );
    let syslog = |transport| SyslogLog {
        transport,
        ..SyslogLog::default()
    };
    let udp = syslog(SyslogTransport::Udp("localhost:514".to_owned()));
    assert_eq!(take("udp"), LogEndpoint::new(LogTarget::Syslog(udp)));
    let counted = SyslogLog {
        facility: 3,
        hostname: "edge1".to_owned(),
        app_name: "shop".to_owned(),
        ..syslog(SyslogTransport::Tcp("logs.example:6514".to_owned()))
    };
    assert_eq!(
        take("counted"),
        LogEndpoint::new(LogTarget::Syslog(counted))
    );
    let unix = syslog(SyslogTransport::Unix("/run/systemd/journal/syslog".into()));
    assert_eq!(take("unix"), LogEndpoint::new(LogTarget::Syslog(unix)));
    let collector = take("collector");
    assert!(
        !format!("{collector:?}").contains("s3cret"),
        "{collector:?}"
    );
    let LogTarget::Http(http) = collector.target else {
        panic!("a URL");
    };
    assert_eq!(http.url, "https://logs.example.com/in?source=edge");
    assert_eq!(http.headers["authorization"], "Splunk s3cret");
}

#[test]
fn a_log_endpoints_name_has_1_byte_to_the_limit() {
    let parse = |length| {
        let name = "e".repeat(length);
        let text = format!("[local_server.log_endpoints.\"{name}\"]\ntype = \"stdout\"\n");
        Manifest::parse("fastly.toml", text)
    };
    assert!(parse(limits::LOG_NAME).is_ok());
    assert!(parse(limits::LOG_NAME + 1).is_err());
    assert!(parse(0).is_err());
}

#[test]
fn databases_are_one_or_more_files() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["one.mmdb", "two.mmdb"] {
        std::fs::write(folder.path().join(name), "").expect("writable");
    }
    let parse = |value: &str| {
        let text = format!("[local_server.geolocation]\ndatabase = {value}\n");
        let (manifest, _) =
            Manifest::parse(folder.path().join("fastly.toml"), text).expect("valid");
        let names = manifest.geolocation.databases.into_iter();
        names
            .filter_map(|path| Path::new(&path).file_name()?.to_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(parse("\"two.mmdb\""), ["two.mmdb"]);
    assert_eq!(
        parse("[\"two.mmdb\", \"one.mmdb\"]"),
        ["two.mmdb", "one.mmdb"]
    );
}

#[test]
fn the_reference_shows_what_is_read_and_nothing_else() {
    let reference = include_str!("../../../docs/fastly-toml.md");
    let examples: Vec<&str> = reference
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(examples.len() >= 5);
    for example in examples {
        let (_, warnings) = Manifest::parse("fastly.toml", example).expect("valid");
        assert_eq!(warnings, [], "{example}");
    }
    // Every key that is known stands in it.
    let empty = "[local_server]\nzz = 1\n[local_server.backends.a]\nurl = \"http://a\"\nzz = 1\n\
        [local_server.limits]\nzz = 1\n[local_server.service]\nzz = 1\n\
        [local_server.products]\nzz = 1\n[local_server.inspect]\nzz = 1\n\
        [local_server.client_signals.default]\nzz = 1\n\
        [local_server.client_signals.default.vpn_proxy]\nzz = 1\n\
        [local_server.log_endpoints.a]\ntype = \"http\"\nurl = \"http://a\"\nzz = 1\n\
        [local_server.log_endpoints.b]\ntype = \"syslog\"\naddress = \"a:1\"\nzz = 1\n";
    let (_, warnings) = Manifest::parse("fastly.toml", empty).expect("valid");
    assert_eq!(warnings.len(), 10);
    for warning in warnings {
        let help = warning.help.unwrap_or_default();
        let known = help.strip_prefix("known here: ").expect("a list");
        for key in known.split(", ") {
            assert!(reference.contains(key), "{}: {key}", warning.key_path);
        }
    }
}
