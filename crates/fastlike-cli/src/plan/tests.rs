//! What command lines come to mean.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser as _;

use fastlike_runtime::ShieldSite;

use super::*;
use crate::args::{Cli, Command};

fn environment(variables: &[(&str, &str)]) -> Environment {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Environment {
        variables: variables.iter().map(owned).collect(),
    }
}

fn plan(line: &str) -> Result<ServePlan, Failure> {
    let args = Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{error}"));
    ServePlan::new(args.serve, &environment(&[("HOME", "/home/me")]))
}

fn error(line: &str) -> String {
    match plan(line) {
        Ok(_) => panic!("{line} is fine"),
        Err(Failure::Error { error, help }) => {
            format!("{error} | {}", help.unwrap_or_default())
        }
        Err(Failure::Manifest(error)) => error.to_string(),
    }
}

#[test]
fn a_typed_backend_wins_over_the_manifests() {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = folder.path().join("fastly.toml");
    let text =
        "[local_server.backends]\na = { url = \"http://file\" }\nb = { url = \"http://file\" }\n";
    std::fs::write(&manifest, text).expect("writable");
    let line = format!(
        "fastlike app.wasm -C {} --backend a=http://typed",
        manifest.display()
    );
    let plan = plan(&line).unwrap_or_else(|_| panic!("{line}"));
    let urls: Vec<_> = plan
        .service
        .backends
        .iter()
        .map(|b| (b.name.as_str(), b.url.as_str()))
        .collect();
    assert_eq!(urls, [("a", "http://typed"), ("b", "http://file")]);
}

#[test]
fn what_cannot_be_a_backend_is_said_with_its_mend() {
    let twice = error("fastlike x.wasm --backend a=http://a --backend a=http://b");
    assert_eq!(
        twice,
        "the backend `a` is given twice | keep one `--backend` of this name"
    );
    let scheme = error("fastlike x.wasm --backend a=example.com");
    assert!(
        scheme.starts_with("backend `a`: \"example.com\" is not the URL of an origin"),
        "{scheme}"
    );
    assert!(
        scheme.ends_with("write `--backend a=https://HOST`"),
        "{scheme}"
    );
    assert!(
        error("fastlike x.wasm --proxy-to ftp://a").contains("write `--proxy-to http://HOST:PORT`")
    );
}

#[test]
fn proxy_to_takes_a_bare_host_and_port_as_it_always_has() {
    let plan =
        plan("fastlike x.wasm --proxy-to localhost:8000").unwrap_or_else(|_| panic!("a plan"));
    assert_eq!(
        plan.service.proxy_to.map(|b| b.url).as_deref(),
        Some("http://localhost:8000")
    );
}

#[test]
fn addresses_are_names_or_numbers_with_a_port() {
    let first = |bind: &str| addresses(bind).ok()?.first().map(ToString::to_string);
    assert_eq!(first("127.0.0.1:0").as_deref(), Some("127.0.0.1:0"));
    assert_eq!(first("[::1]:80").as_deref(), Some("[::1]:80"));
    assert_eq!(first("localhost:5000").as_deref(), Some("127.0.0.1:5000"));
    for wrong in ["", "7676", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999"] {
        assert_eq!(first(wrong), None, "{wrong}");
    }
}

#[test]
fn backtraces_are_shown_on_loopback_only_unless_asked_for() {
    let shown = |flags: &str, at: &str| {
        let plan = plan(&format!("fastlike x.wasm{flags}")).unwrap_or_else(|_| panic!("a plan"));
        plan.backtraces_at(&at.parse().expect("an address"))
    };
    assert!(shown("", "127.0.0.1:1") && shown("", "[::1]:1"));
    assert!(!shown("", "0.0.0.0:1") && !shown("", "192.0.2.1:1") && !shown("", "[::]:1"));
    assert!(shown(" --backtraces always", "0.0.0.0:1"));
    assert!(!shown(" --backtraces never", "127.0.0.1:1"));
}

#[test]
fn the_compile_cache_is_in_the_users_cache_folder() {
    let cache = |variables: &[(&str, &str)]| environment(variables).compile_cache();
    let path = |text: &str| Some(PathBuf::from(text));
    assert_eq!(
        cache(&[("HOME", "/home/me")]),
        path("/home/me/.cache/fastlike")
    );
    assert_eq!(
        cache(&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "/c")]),
        path("/c/fastlike")
    );
    assert_eq!(
        cache(&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "c")]),
        path("/home/me/.cache/fastlike")
    );
    assert_eq!(cache(&[]), None);
    let off = plan("fastlike x.wasm --no-compile-cache").unwrap_or_else(|_| panic!("a plan"));
    assert_eq!(off.service.compile_cache, None);
}

#[test]
fn the_pushpin_is_the_typed_one_else_the_manifests() {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = folder.path().join("fastly.toml");
    let text = "[local_server.pushpin]\nenable = true\nproxy_port = 7000\n\
                [local_server.shielding_sites]\npdx = \"Local\"\n";
    std::fs::write(&manifest, text).expect("writable");
    let plan = |flags: &str| {
        let line = format!("fastlike x.wasm -C {}{flags}", manifest.display());
        plan(&line).unwrap_or_else(|_| panic!("{line}"))
    };
    assert_eq!(plan("").service.pushpin, Some(7000));
    assert_eq!(
        plan(" --local-pushpin-proxy-port=1").service.pushpin,
        Some(1)
    );
    assert_eq!(plan(" --local-pushpin-proxy-port=0").service.pushpin, None);
    assert!(plan("").service.websockets);
    assert!(
        !plan(" --enable-local-websocket-passthrough=false")
            .service
            .websockets
    );
    assert_eq!(plan("").service.shields["pdx"], ShieldSite::Running);
}

#[test]
fn flags_without_effect_are_named_with_the_reason() {
    let remarks = |flags: &str| {
        let plan = plan(&format!("fastlike x.wasm {flags}")).unwrap_or_else(|_| panic!("a plan"));
        plan.service.remarks
    };
    let said = remarks(
        "--debug -g --adapt --experimental_modules wasi-nn --wasm-exceptions --wasm-gc \
         --wasm-cm-gc",
    );
    assert_eq!(said.len(), 7, "{said:?}");
    assert!(said.iter().all(|line| line.contains(" has no effect: ")));
    let silent = "--unknown-import-behavior=trap --profile=guest --local-pushpin-proxy-port=1 \
                  --enable-local-websocket-passthrough=true";
    assert_eq!(remarks(silent), Vec::<String>::new());
}

#[test]
fn a_run_has_no_limits_of_time_unless_they_are_typed() {
    let plan = |line: &str| {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{error}"));
        let Some(Command::Run(args)) = cli.command else {
            panic!("{line}");
        };
        RunPlan::new(
            *args,
            &environment(&[("HOME", "/h"), ("RUST_LOG", "debug")]),
        )
        .unwrap_or_else(|_| panic!("a plan"))
    };
    let free = plan("fastlike run t.wasm -- a");
    assert_eq!(free.limits.cpu, Duration::MAX);
    assert_eq!(free.args, ["t.wasm", "a"]);
    assert_eq!(
        free.environment,
        [("RUST_LOG".to_owned(), "debug".to_owned())]
    );
    let bound = plan("fastlike run --cpu-limit 1s --wall-limit 2s -- t.wasm");
    assert_eq!(bound.limits.cpu, Duration::from_secs(1));
    assert_eq!(bound.limits.wall, Duration::from_secs(2));
}
