//! How a guest begins and ends, and what becomes of its client when it ends badly.

use std::time::Duration;

use fastlike_runtime::{Outcome, backend_fn};
use http::{Response, StatusCode};

use crate::harness::{ByHand, Logs, Test, get, soon, wat};

fn in_production(guest: &str) -> Test {
    Test::guest(guest).with(|builder| builder.backtraces_in_responses(false))
}

#[tokio::test]
async fn a_guest_that_returns_without_an_answer_is_an_empty_200() {
    let service = Test::guest("abi_no_response").start().await;
    let answer = service.get("/").await;
    assert_eq!((answer.ok(), answer.headers.len()), ("", 0));
    assert_eq!(service.seen.report().await.outcome, Outcome::Finished);
}

#[tokio::test]
async fn an_exit_code_of_0_is_a_return_and_any_other_is_a_500() {
    let service = in_production("abi_exit_code").start().await;
    assert_eq!(service.get("/?code=0").await.ok(), "");
    assert_eq!(service.seen.report().await.outcome, Outcome::Finished);

    let answer = service.get("/?code=3").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        answer.text(),
        "The program failed to answer; the server's log says why.\n"
    );
    let report = service.seen.report().await;
    assert_eq!(report.outcome, Outcome::Exited(3));
    assert_eq!(report.status, Some(StatusCode::INTERNAL_SERVER_ERROR));
    for code in [255, -1] {
        service.get(&format!("/?code={code}")).await;
        assert_eq!(service.seen.report().await.outcome, Outcome::Exited(code));
    }
}

#[tokio::test]
async fn an_answer_that_was_sent_before_a_bad_end_stays() {
    let logs = Logs::capture();
    let service = Test::guest("abi_exit_code").start().await;
    let answer = service.get("/?code=7&answer=yes").await;
    assert_eq!(answer.ok(), "answered before the end");
    assert_eq!(service.seen.report().await.outcome, Outcome::Exited(7));
    assert_eq!(logs.with("exited with code 7").len(), 1);
}

#[tokio::test]
async fn a_panic_is_a_500_and_its_backtrace_is_for_the_log_only() {
    let logs = Logs::capture();
    let service = in_production("abi_trap").start().await;
    let answer = service.get("/here").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        answer.text(),
        "The program failed to answer; the server's log says why.\n"
    );

    let panicked = service.seen.stderr_lines().join("\n");
    assert!(
        panicked.contains("the guest was asked to panic at /here"),
        "{panicked}"
    );
    let fault = logs.with("GET /here: the guest trapped").join("\n");
    assert!(fault.starts_with("ERROR"), "{fault}");
    assert_names_its_functions(&fault);
    assert!(matches!(
        service.seen.report().await.outcome,
        Outcome::Trapped(_)
    ));
}

#[tokio::test]
async fn in_development_the_backtrace_is_in_the_answer() {
    let answer = Test::guest("abi_trap").get("/here").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_names_its_functions(answer.text());
}

/// In the order of the calls, innermost first, as source names.
#[track_caller]
fn assert_names_its_functions(backtrace: &str) {
    let at = |name: &str| {
        let found = backtrace.find(name);
        found.unwrap_or_else(|| panic!("{name} is not in the backtrace:\n{backtrace}"))
    };
    assert!(
        at("abi_trap::inner_function") < at("abi_trap::outer_function"),
        "{backtrace}"
    );
}

#[tokio::test]
async fn deep_recursion_is_a_500() {
    let service = Test::guest("abi_deep_recursion").start().await;
    let answer = service.get("/").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        answer.text().contains("abi_deep_recursion::deeper"),
        "{}",
        answer.text()
    );
    assert!(matches!(
        service.seen.report().await.outcome,
        Outcome::Trapped(_)
    ));
}

#[tokio::test]
async fn an_endless_loop_ends_at_the_cpu_limit() {
    let test = Test::guest("abi_loop").limits(|limits| limits.cpu = Duration::from_millis(60));
    let service = test.start().await;
    let answer = service.get("/").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    let report = service.seen.report().await;
    assert_eq!(report.outcome, Outcome::CpuLimit);
    assert!(report.cpu >= Duration::from_millis(60), "{:?}", report.cpu);
    assert!(report.cpu < Duration::from_secs(5), "{:?}", report.cpu);
}

#[tokio::test]
async fn memory_ends_at_its_limit_and_the_fault_says_so() {
    const HEAP: u64 = 16 * 1024 * 1024;
    let test = Test::guest("abi_memory_bomb").limits(|limits| limits.heap = HEAP);
    let service = test.start().await;
    let answer = service.get("/").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        answer.text().contains("more than its 16 MiB of memory"),
        "{}",
        answer.text()
    );
    let peak = service.seen.report().await.heap_peak;
    assert!((HEAP / 2..=HEAP).contains(&peak), "{peak}");
}

/// By the last letter of the path: waits for the origin, loops, traps, takes
/// all memory, recurses, or exits.
fn misbehaving() -> String {
    let data = r#"(data (i32.const 0) "origin")
        (func $deeper (call $deeper))
        (func $case (param i32) (result i32) (i32.eq (local.get 0) (i32.load8_u (i32.add (i32.const 255) (i32.load (i32.const 16))))))"#;
    wat::program(
        data,
        r#"(call $must (call $fastly_http_req.body_downstream_get (i32.const 8) (i32.const 12)))
        (call $must (call $fastly_http_req.uri_get (i32.load (i32.const 8)) (i32.const 256) (i32.const 256) (i32.const 16)))
        (if (call $case (i32.const 0x6c)) (then (loop $again (br $again))))
        (if (call $case (i32.const 0x74)) (then unreachable))
        (if (call $case (i32.const 0x72)) (then (call $deeper)))
        (if (call $case (i32.const 0x6d)) (then
            (loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
            unreachable))
        (if (call $case (i32.const 0x65)) (then (call $wasi_snapshot_preview1.proc_exit (i32.const 1))))
        (call $must (call $fastly_http_req.send (i32.load (i32.const 8)) (i32.load (i32.const 12)) (i32.const 0) (i32.const 6) (i32.const 20) (i32.const 24)))
        (call $must (call $fastly_http_resp.send_downstream (i32.load (i32.const 20)) (i32.load (i32.const 24)) (i32.const 0)))"#,
    )
}

#[tokio::test]
async fn a_fault_does_no_harm_to_a_request_that_runs_meanwhile() {
    // With enough warm slots, and with one, which the first request keeps.
    for pool_slots in [8, 1] {
        let (origin, backend) = ByHand::new();
        let test = Test::wat(misbehaving()).backend("origin", backend);
        let service = test
            .limits(|limits| {
                limits.cpu = Duration::from_millis(100);
                limits.heap = 4 * 1024 * 1024;
                limits.pool_slots = pool_slots;
            })
            .start()
            .await;
        let waiting = tokio::spawn({
            let service = service.clone();
            async move { service.get("/slow").await }
        });
        let asked = origin.asked().await;
        let faults = [
            ("/l", "used up its CPU time"),
            ("/t", "unreachable"),
            ("/m", "more than its 4 MiB of memory"),
            ("/r", "call stack exhausted"),
            ("/e", "exited with code 1"),
        ];
        for (path, fault) in faults {
            let (one, two) = tokio::join!(service.get(path), service.get(path));
            for answer in [one, two] {
                assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
                assert!(answer.text().contains(fault), "{path}: {}", answer.text());
            }
        }
        assert!(!waiting.is_finished());
        asked.answer(Response::new("the origin's answer"));
        let answer = soon("the waiting request", waiting)
            .await
            .expect("no panic");
        assert_eq!(answer.ok(), "the origin's answer");
    }
}

#[tokio::test]
async fn a_loop_leaves_time_for_other_requests_on_the_same_thread() {
    let origin = backend_fn(|_| async { Response::new("at once") });
    let test = Test::wat(misbehaving()).backend("origin", origin);
    let service = test
        .limits(|limits| limits.cpu = Duration::from_secs(30))
        .start()
        .await;
    let looping = tokio::spawn({
        let service = service.clone();
        async move { service.begin(get("/l")).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(service.get("/slow").await.ok(), "at once");
    assert_eq!(service.seen.report().await.outcome, Outcome::Finished);
    assert!(!looping.is_finished());
    looping.abort();
    assert!(
        soon("the end", looping)
            .await
            .is_err_and(|e| e.is_cancelled())
    );
    assert_eq!(service.seen.report().await.outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn an_unknown_version_of_the_abi_is_refused() {
    let start = |version: u64, status: u32| {
        let call = format!("(call $fastly_abi.init (i64.const {version}))");
        wat::program(
            "",
            &format!("(call $must (i32.ne {call} (i32.const {status})))"),
        )
    };
    assert_eq!(Test::wat(start(1, 0)).get("/").await.ok(), "");
    assert_ne!(Test::wat(start(2, 0)).get("/").await.status, StatusCode::OK);
}
