//! What a guest can find out about where it runs.

use fastlike_runtime::{Identity, Products};

use crate::harness::Test;

#[tokio::test]
async fn a_guest_knows_its_time_its_memory_and_its_service() {
    let mut identity = Identity::default();
    identity.service_id = Some("the-service".to_owned());
    identity.service_version = 7;
    identity.hostname = "edge.example".to_owned();
    identity.staging = true;
    identity.cache_generation = 42;
    let test = Test::guest("compute_runtime_vitals")
        .with(|builder| builder.identity(identity).env("MODE", "test"));
    let service = test.start().await;
    let answer = service.get("/").await;

    let report = service.seen.report().await;
    assert_eq!(answer.line("service_id"), "the-service");
    assert_eq!(answer.line("service_version"), "7");
    assert_eq!(answer.line("hostname"), "edge.example");
    assert_eq!(answer.line("is_staging"), "true");
    assert_eq!(answer.line("sandbox_id"), report.request_id);
    assert_eq!(answer.line("env FASTLY_TRACE_ID"), report.request_id);
    assert_eq!(answer.line("env FASTLY_SERVICE_ID"), "the-service");
    assert_eq!(answer.line("env FASTLY_CACHE_GENERATION"), "42");
    assert_eq!(answer.line("env MODE"), "test");
    let names: Vec<&str> = answer
        .ok()
        .lines()
        .filter_map(|line| line.strip_prefix("env ")?.split(':').next())
        .collect();
    assert_eq!(
        names.len(),
        10,
        "nothing of the host's own environment: {names:?}"
    );

    // Sleeping costs no CPU time; the machine may be busy.
    let spent: u64 = answer
        .line("vcpu_ms_of_50_asleep")
        .parse()
        .expect("a number");
    assert!(spent < 50, "{spent} ms");
    assert!(
        report.heap_peak > 20 * 1024 * 1024,
        "{} bytes",
        report.heap_peak
    );
    let seconds: u64 = answer.line("unix_seconds").parse().expect("a number");
    assert!(seconds > 1_700_000_000, "{seconds}");

    assert_eq!(service.seen.stdout_lines(), ["a line on stdout"]);
    assert_eq!(service.seen.stderr_lines(), ["a line on stderr"]);
}

#[tokio::test]
async fn each_request_has_an_id_of_its_own() {
    let service = Test::guest("compute_runtime_vitals").start().await;
    let (one, two) = (service.get("/").await, service.get("/").await);
    let (one, two) = (one.line("sandbox_id"), two.line("sandbox_id"));
    assert_ne!(one, two);
    for id in [one, two] {
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id}"
        );
    }
}

#[tokio::test]
async fn without_an_identity_the_service_has_a_placeholder() {
    let answer = Test::guest("compute_runtime_vitals").get("/").await;
    assert_eq!(answer.line("service_id"), "0000000000000000000000");
    assert_eq!(answer.line("service_version"), "0");
    assert_eq!(answer.line("hostname"), "localhost");
}

#[tokio::test]
async fn random_numbers_fill_any_buffer_that_exists() {
    // 40 pages of memory, and two buffers: as large as the rest of it, and one byte more.
    let guest = r#"(module
        (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
        (memory (export "memory") 40)
        (func $must (param i32) (if (i32.eqz (local.get 0)) (then unreachable)))
        (func (export "_start")
            (call $must (i32.eq (i32.const 21) (call $random_get (i32.const 1) (i32.const 2621440))))
            (call $must (i64.eqz (i64.load (i32.const 1))))
            (call $must (i32.eqz (call $random_get (i32.const 1) (i32.const 2621439))))
            (call $must (i64.ne (i64.const 0) (i64.load (i32.const 1))))
            (call $must (i64.ne (i64.const 0) (i64.load (i32.const 1500000))))
            (call $must (i64.ne (i64.const 0) (i64.load (i32.const 2621432))))))"#;
    assert_eq!(Test::wat(guest).get("/").await.ok(), "");
}

#[tokio::test]
async fn products_are_on_that_the_service_says_it_has() {
    let on = async |products: Products| {
        let test = Test::guest("compute_runtime_products");
        let answer = test
            .with(|builder| builder.products(products))
            .get("/")
            .await;
        ["image_optimizer", "domain_inspector", "origin_inspector"]
            .map(|name| answer.line(name) == "true")
    };
    assert_eq!(on(Products::default()).await, [false; 3]);
    let mut products = Products::default();
    products.domain_inspector = true;
    assert_eq!(on(products).await, [false, true, false]);
    products.origin_inspector = true;
    products.image_optimizer = true;
    assert_eq!(on(products).await, [true; 3]);
}
