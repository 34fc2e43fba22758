//! The sections of a manifest that only fastlike reads, and `--env`.

use std::path::Path;

use crate::harness::{Server, run, targets};

/// A program of `testdata/guests`.
fn guest(name: &str) -> String {
    let file = targets().join("bin").join(format!("{name}.wasm"));
    file.display().to_string()
}

/// A folder with this manifest.
fn project(manifest: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("fastly.toml"), manifest).expect("writable");
    folder
}

fn serve(name: &str, folder: &Path, flags: &[&str]) -> Server {
    let manifest = folder.join("fastly.toml").display().to_string();
    let guest = guest(name);
    let mut args = vec![guest.as_str(), "-C", &manifest];
    args.extend(flags);
    Server::start(&args)
}

#[test]
fn a_program_finds_its_environment_and_its_service() {
    let folder = project(
        "[local_server.env]\nGREETING = \"hello\"\n\
         [local_server.service]\nid = \"mine\"\nversion = 7\npop = \"LIS\"\nstaging = true\n",
    );
    let answer = serve("compute_runtime_vitals", folder.path(), &[]).get("/");
    for line in [
        "env GREETING: hello",
        "service_id: mine",
        "service_version: 7",
        "is_staging: true",
        "env FASTLY_POP: LIS",
    ] {
        assert!(answer.contains(&format!("\n{line}\n")), "{line}: {answer}");
    }
}

#[test]
fn an_environments_manifest_is_read_instead() {
    let folder = project("[local_server.env]\nGREETING = \"hello\"\n");
    let stage = "[local_server.env]\nGREETING = \"ola\"\n";
    std::fs::write(folder.path().join("fastly.stage.toml"), stage).expect("writable");
    let server = serve("compute_runtime_vitals", folder.path(), &["--env", "stage"]);
    let answer = server.get("/");
    assert!(answer.contains("\nenv GREETING: ola\n"), "{answer}");

    let manifest = folder.path().join("fastly.toml").display().to_string();
    let guest = guest("hello");
    let ended = run(&[
        &guest,
        "-C",
        &manifest,
        "--env",
        "stag",
        "--bind",
        "127.0.0.1:0",
    ]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("there is no file `"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("--env stage"), "{}", ended.stderr);
}

#[test]
fn limits_are_the_manifests_unless_they_are_typed() {
    let folder = project("[local_server.limits]\ncpu_ms = 100\nwall_ms = 100\n");
    let server = serve("abi_loop", folder.path(), &["--wall-limit", "2m"]);
    let answer = server.get("/");
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(
        answer.contains("the guest used up its CPU time"),
        "{answer}"
    );
}

#[test]
fn clients_are_what_the_manifest_says() {
    let folder = project(
        "[local_server.client_signals.default]\nddos_detected = true\n\
         [local_server.client_signals.\"127.0.0.0/8\"]\n\
         bot = { category = \"ai-crawler\", verified = true }\n\
         vpn_proxy = { is_anonymous = true, service_name = \"ExampleVPN\" }\n",
    );
    let answer = serve("http_downstream_signals", folder.path(), &[]).get("/");
    for line in [
        "ddos_detected: Some(true)",
        "is_anonymous: true",
        "is_tor_exit_node: false",
        "vpn_service_name: Some(\"ExampleVPN\")",
    ] {
        assert!(answer.contains(line), "{line}: {answer}");
    }
    assert!(
        answer.contains("bot_category_kind: Some(AiCrawler"),
        "{answer}"
    );
}

#[test]
fn inspected_requests_get_the_manifests_verdict() {
    let folder = project("[local_server.inspect]\nverdict = \"block\"\ntags = [\"SQLI\"]\n");
    let answer = serve("http_req_inspect", folder.path(), &[]).get("/?corp=c&workspace=w");
    assert!(answer.contains("Block 406"), "{answer}");
    assert!(answer.contains("[\"SQLI\"]"), "{answer}");
}

#[test]
fn products_are_those_of_the_manifest() {
    let folder = project("[local_server.products]\norigin_inspector = true\n");
    let answer = serve("compute_runtime_products", folder.path(), &[]).get("/");
    assert!(answer.contains("origin_inspector: true"), "{answer}");
    assert!(answer.contains("domain_inspector: false"), "{answer}");
}

#[cfg(unix)]
#[test]
fn log_lines_go_where_the_manifest_says_before_the_server_ends() {
    let folder = project(
        "[local_server.log_endpoints.other]\ntype = \"file\"\npath = \"other.log\"\nformat = \"json\"\n\
         [local_server.log_endpoints.events]\ntype = \"stderr\"\n",
    );
    let mut server = serve("log_endpoint", folder.path(), &[]);
    assert!(server.get("/here").contains("logged"));
    server.stderr_line("events :: GET /here");
    server.stderr_line("events :: two\\nlines");
    server.signal("TERM");
    assert!(server.wait().success());
    let lines = std::fs::read_to_string(folder.path().join("other.log")).expect("a file");
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(
        lines.contains(r#""endpoint":"other","message":"not UTF-8: "#),
        "{lines}"
    );
    assert!(!server.stdout().contains(" :: "), "{}", server.stdout());
}

#[test]
fn a_manifests_database_says_where_addresses_are() {
    let network: ipnet::IpNet = "81.2.69.0/24".parse().expect("a network");
    let row = serde_json::json!({ "city": { "names": { "en": "London" } } });
    let mut writer = mmdb_writer::Writer::builder("Test-City").build();
    writer.insert(network, &row).expect("a row");
    let folder = project("[local_server.geolocation]\ndatabase = \"city.mmdb\"\n");
    let bytes = writer.to_bytes().expect("a database");
    std::fs::write(folder.path().join("city.mmdb"), bytes).expect("writable");
    let manifest = folder.path().join("fastly.toml").display().to_string();
    let answer = Server::start(&[&crate::harness::guest("geo.wat"), "-C", &manifest]).get("/");
    assert!(answer.contains(r#""city":"London""#), "{answer}");
}
