//! What `/metrics` tells.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use fastlike_runtime::backend_fn;

use crate::harness::{guest, serve, silent};

/// The samples of a page, by name and labels; fails where the page is not in
/// the text format of Prometheus.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut kinds = BTreeMap::new();
    let mut helped = BTreeSet::new();
    let mut family = String::new();
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split(' ').next().expect("a name").to_owned();
            assert!(helped.insert(family.clone()), "{family} is there twice");
            continue;
        }
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a kind");
            assert_eq!(name, family);
            kinds.insert(name.to_owned(), kind.to_owned());
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').expect("a value");
        let name = sample.split('{').next().expect("a name");
        let kind = kinds.get(&family).expect("a type comes first");
        match kind.as_str() {
            "histogram" => {
                let suffix = name.strip_prefix(family.as_str()).expect("the family's");
                assert!(["_bucket", "_sum", "_count"].contains(&suffix), "{line}");
            }
            "counter" => assert!(name == family && name.ends_with("_total"), "{line}"),
            _ => assert_eq!(name, family),
        }
        let value = value
            .parse()
            .unwrap_or_else(|_| panic!("no number: {line}"));
        assert!(
            samples.insert(sample.to_owned(), value).is_none(),
            "{line} is there twice"
        );
    }
    assert!(page.ends_with('\n'));
    samples
}

#[tokio::test]
async fn requests_are_counted_by_status_and_outcome_and_measured() {
    let served = serve(guest("abi_exit_code")).await;
    let page = served.get("/metrics").await;
    assert_eq!(page.status, 200);
    let kind = page.header("content-type").expect("a type");
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let before = samples(&page.text());
    assert_eq!(
        before["fastlike_request_outcomes_total{outcome=\"exited\"}"],
        0.0
    );
    assert_eq!(before["fastlike_request_duration_seconds_count"], 0.0);

    assert_eq!(served.client("/").await.0, 500);
    let after = samples(&served.get("/metrics").await.text());
    assert_eq!(after["fastlike_requests_total{status=\"500\"}"], 1.0);
    assert_eq!(
        after["fastlike_request_outcomes_total{outcome=\"exited\"}"],
        1.0
    );
    assert_eq!(after["fastlike_request_duration_seconds_count"], 1.0);
    assert_eq!(
        after["fastlike_request_duration_seconds_bucket{le=\"+Inf\"}"],
        1.0
    );
    assert_eq!(after["fastlike_guest_cpu_seconds_count"], 1.0);
    assert!(after["fastlike_guest_cpu_seconds_sum"] > 0.0);
    assert!(after["fastlike_guest_heap_bytes_sum"] >= 65_536.0);
    assert!(after["fastlike_sandboxes_max"] >= 1.0);
    assert_eq!(after["fastlike_sandboxes"], 0.0);
    let version = format!(
        "fastlike_build_info{{version=\"{}\"}}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(after[&version], 1.0);
}

#[tokio::test]
async fn backends_are_counted_by_what_they_answer_and_how_they_fail() {
    let good = guest("proxy").backend(
        "origin",
        backend_fn(|_| async { http::Response::new("here") }),
    );
    let served = serve(good).await;
    assert_eq!(served.client("/").await.0, 200);
    let page = samples(&served.get("/metrics").await.text());
    let responses = "fastlike_backend_responses_total{backend=\"origin\",class=\"2xx\"}";
    assert_eq!(page[responses], 1.0);
    assert_eq!(
        page["fastlike_backend_duration_seconds_count{backend=\"origin\"}"],
        1.0
    );

    // Nobody listens on this port, and nobody can.
    let closed = tokio::net::TcpSocket::new_v4().expect("a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    closed.bind(any).expect("a port");
    let address = closed.local_addr().expect("an address");
    let origin = fastlike_runtime::Origin::new(&format!("http://{address}")).expect("a URL");
    let bad = guest("proxy").backend("origin", origin);
    let bad = bad.observer(served.metrics.clone()).build().await;
    served.current.replace(bad.expect("a service"));
    served.client("/").await;
    let page = samples(&served.get("/metrics").await.text());
    let refused = "fastlike_backend_errors_total{backend=\"origin\",kind=\"connection_refused\"}";
    assert_eq!(page[refused], 1.0);
    // Counting goes on where the service before has left off.
    assert_eq!(page[responses], 1.0);
    assert_eq!(
        page["fastlike_backend_duration_seconds_count{backend=\"origin\"}"],
        2.0
    );
}

#[tokio::test]
async fn connections_to_an_origin_are_seen_while_they_are_open() {
    let served = serve(silent()).await;
    let address = served.address;
    // The admin listener is an origin like any other.
    let origin = fastlike_runtime::Origin::new(&format!("http://{address}")).expect("a URL");
    let proxied = guest("proxy").backend("origin", origin);
    served
        .current
        .replace(proxied.build().await.expect("a service"));
    let idle = "fastlike_backend_connections{backend=\"origin\",state=\"idle\"}";
    let page = samples(&served.get("/metrics").await.text());
    assert_eq!(page[idle], 0.0);
    served.client("/healthz").await;
    let page = samples(&served.get("/metrics").await.text());
    assert_eq!(page[idle], 1.0);
    assert_eq!(
        page["fastlike_backend_connections{backend=\"origin\",state=\"busy\"}"],
        0.0
    );
}

#[tokio::test]
async fn stores_and_reloads_are_told() {
    let served = serve(silent().config_store("s \"1\"", [("a", "1"), ("b", "2")])).await;
    served.metrics.reloaded(true);
    served.metrics.reloaded(false);
    served
        .json(
            "POST /resources/stores/kv",
            serde_json::json!({ "name": "s" }),
        )
        .await;
    served
        .send("PUT /resources/stores/kv/s/keys/k", &[], &[b'x'; 1_000])
        .await;
    let page = samples(&served.get("/metrics").await.text());
    assert_eq!(
        (page["fastlike_kv_stores"], page["fastlike_kv_entries"]),
        (1.0, 1.0)
    );
    let bytes = page["fastlike_kv_bytes"];
    assert!((1_000.0..2_000.0).contains(&bytes), "{bytes}");
    let entries = "fastlike_store_entries{kind=\"config\",store=\"s \\\"1\\\"\"}";
    assert_eq!(page[entries], 2.0);
    assert_eq!(page["fastlike_reloads_total{result=\"success\"}"], 1.0);
    assert_eq!(page["fastlike_reloads_total{result=\"failure\"}"], 1.0);
}
