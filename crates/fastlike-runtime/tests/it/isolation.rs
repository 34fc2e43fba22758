//! Nothing of one request is there in the next.

use crate::harness::{Running, Test, get, origin_at};

/// Traps if anything is not as it was at the beginning of the first run, then
/// changes all there is to change.
const LITTERING: &str = r#"(module
    (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
    (memory (export "memory") 2)
    (data (i32.const 16) "image")
    (global $global (mut i32) (i32.const 5))
    (table $table 4 4 funcref)
    (elem (table $table) (i32.const 0) func $nothing)
    (func $nothing)
    (func $must (param i32) (if (i32.eqz (local.get 0)) (then unreachable)))
    (func (export "_start") (local i32)
        (call $must (i32.eq (memory.size) (i32.const 2)))
        (call $must (i32.eq (global.get $global) (i32.const 5)))
        (call $must (i32.eqz (ref.is_null (table.get $table (i32.const 0)))))
        (call $must (ref.is_null (table.get $table (i32.const 3))))
        (call $must (i32.eq (i32.load8_u (i32.const 16)) (i32.const 0x69)))
        (local.set 0 (i32.const 64))
        (loop $next
            (call $must (i32.eqz (i32.load (local.get 0))))
            (local.set 0 (i32.add (local.get 0) (i32.const 4)))
            (br_if $next (i32.lt_u (local.get 0) (i32.const 131072))))
        (call $must (i32.ne (memory.grow (i32.const 30)) (i32.const -1)))
        (local.set 0 (i32.const 131072))
        (loop $next
            (call $must (i32.eqz (i32.load (local.get 0))))
            (local.set 0 (i32.add (local.get 0) (i32.const 4)))
            (br_if $next (i32.lt_u (local.get 0) (i32.const 2097152))))
        ;; The client's request has body 0.
        (call $must (i32.eqz (call $body (i32.const 64))))
        (call $must (i32.eq (i32.load (i32.const 64)) (i32.const 1)))
        (memory.fill (i32.const 0) (i32.const 0xff) (i32.const 2097152))
        (global.set $global (i32.const 6))
        (table.set $table (i32.const 3) (ref.func $nothing))
        (table.set $table (i32.const 0) (ref.null func))))"#;

async fn one_after_another(service: &Running) {
    for number in 0..5 {
        assert_eq!(service.get("/").await.ok(), "", "request {number}");
    }
}

#[tokio::test]
async fn a_slot_that_was_used_is_as_new() {
    let service = Test::wat(LITTERING)
        .limits(|limits| limits.pool_slots = 1)
        .start()
        .await;
    one_after_another(&service).await;
    // Pages that stay in memory are cleared, those that do not are fresh.
    for keep_resident in [0, 128 * 1024, 16 * 1024 * 1024] {
        let test = Test::wat(LITTERING).limits(|limits| {
            limits.pool_slots = 1;
            limits.keep_resident = keep_resident;
        });
        one_after_another(&test.start().await).await;
    }
}

#[tokio::test]
async fn a_slot_that_was_warmed_is_as_new() {
    let service = Test::wat(LITTERING).start().await;
    service.fastlike.warm_up(8).await;
    one_after_another(&service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_do_not_see_one_another() {
    let service = Test::wat(LITTERING)
        .limits(|limits| limits.pool_slots = 4)
        .start()
        .await;
    let all: Vec<_> = (0..200)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { service.begin(get("/")).await.status() })
        })
        .collect();
    for answer in all {
        assert_eq!(answer.await.expect("no panic"), http::StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_of_many_clients_gets_its_own_answer() {
    let upstream = Test::guest("echo").start().await.serve().await;
    let origin = origin_at(&format!("http://{}", upstream.address));
    let test = Test::guest("proxy").backend("origin", origin);
    let server = test.start().await.serve().await;
    let server = std::sync::Arc::new(server);
    let all: Vec<_> = (0..100)
        .map(|number| {
            let server = std::sync::Arc::clone(&server);
            tokio::spawn(async move {
                let body = format!("<{number}>").repeat(3_000);
                let head = format!("POST / HTTP/1.0\r\ncontent-length: {}\r\n\r\n", body.len());
                let answer = server.exchange(&format!("{head}{body}")).await;
                assert!(
                    answer.ends_with(&format!("\r\n\r\n{body}")),
                    "{number}: {} bytes",
                    answer.len()
                );
            })
        })
        .collect();
    for client in all {
        client.await.expect("no panic");
    }
}
