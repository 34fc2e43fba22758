//! Programs that are run as commands, as their tests are.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use fastlike_runtime::{GuestProfile, Invocation, Outcome, Profiler, StartError, UnknownImports};
use http::StatusCode;
use parking_lot::Mutex;

use crate::harness::{Test, soon};

/// Prints its arguments, each with a zero byte at its end, and exits with
/// their number.
const ARGS: &str = r#"(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $args (i32.const 1024) (i32.const 2048)))
    (i32.store (i32.const 16) (i32.const 2048))
    (i32.store (i32.const 20) (i32.load (i32.const 4)))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))
    (call $exit (i32.load (i32.const 0)))))"#;

/// Streams 4 MiB to its client, far more than is kept of a stream that nobody
/// reads.
const LONG_ANSWER: &str = r#"(module
  (import "fastly_http_resp" "new" (func $response (param i32) (result i32)))
  (import "fastly_http_resp" "send_downstream" (func $send (param i32 i32 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
  (import "fastly_http_body" "write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_body" "close" (func $close (param i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start") (local $left i32)
    (drop (call $response (i32.const 0)))
    (drop (call $body (i32.const 4)))
    (drop (call $send (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 1)))
    (local.set $left (i32.const 64))
    (loop $again
      (if (call $write (i32.load (i32.const 4)) (i32.const 65536) (i32.const 65536) (i32.const 0) (i32.const 8))
        (then unreachable))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (drop (call $close (i32.load (i32.const 4))))))"#;

/// Exits with the error of a write, or else with the kind of file that its
/// standard output is to it.
const ONE_WRITE: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $error i32)
    (i32.store (i32.const 4) (i32.const 8))
    (local.set $error (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
    (if (local.get $error) (then (call $exit (local.get $error))))
    (drop (call $stat (i32.const 1) (i32.const 0)))
    (call $exit (i32.load8_u (i32.const 0)))))"#;

/// Has no room for anything.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        // ENOSPC.
        Err(io::Error::from_raw_os_error(28))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn bare() -> Invocation {
    Invocation::new(["program"])
}

#[tokio::test]
async fn a_program_is_run_with_arguments_and_exits_with_its_code() {
    let service = Test::wat(ARGS).start().await;
    let kept = Kept::default();
    let invocation = Invocation::new(["program", "--flag", ""]).stdout(kept.clone());
    let ran = soon("the end", service.fastlike.run(invocation)).await;
    assert_eq!(ran.outcome, Outcome::Exited(3));
    assert_eq!(ran.exit_code(), Some(3));
    assert_eq!(kept.0.lock().as_slice(), b"program\0--flag\0\0");
    // Whoever serves requests with it finds no arguments.
    service.get("/").await;
    assert_eq!(service.seen.report().await.outcome, Outcome::Finished);
}

#[tokio::test]
async fn a_program_learns_what_its_output_is_and_why_it_cannot_write() {
    let service = Test::wat(ONE_WRITE).start().await;
    let run = async |invocation| service.fastlike.run(invocation).await.exit_code();
    assert_eq!(run(bare().stdout(Kept::default())).await, Some(0));
    let terminal = bare().stdout(Kept::default()).on_terminal(true, true);
    assert_eq!(run(terminal).await, Some(2), "a character device");
    // What goes to the service is gathered, whatever is said of it.
    assert_eq!(run(bare().on_terminal(true, true)).await, Some(0));
    assert_eq!(run(bare().stdout(Full)).await, Some(51), "WASI's ENOSPC");
}

#[tokio::test]
async fn output_that_has_no_place_of_its_own_is_the_services() {
    let service = Test::guest("abi_trap").start().await;
    let ran = soon("the end", service.fastlike.run(bare())).await;
    assert!(matches!(ran.outcome, Outcome::Trapped(_)), "{ran:?}");
    assert_eq!(ran.exit_code(), None);
    assert!(ran.backtrace.is_some());
    assert!(!service.seen.stderr_lines().is_empty());
}

#[tokio::test]
async fn the_answer_of_a_run_is_read_however_long_it_is() {
    let service = Test::wat(LONG_ANSWER).start().await;
    let ran = soon("the end", service.fastlike.run(bare())).await;
    assert_eq!(ran.outcome, Outcome::Finished);
}

#[tokio::test(start_paused = true)]
async fn a_run_gets_no_further_request() {
    let service = Test::guest("http_downstream_serve").start().await;
    let began = tokio::time::Instant::now();
    let ran = service.fastlike.run(bare()).await;
    assert_eq!(ran.outcome, Outcome::Finished);
    assert_eq!(began.elapsed(), Duration::ZERO, "it does not wait for one");
}

#[tokio::test]
async fn the_limits_of_the_service_are_those_of_a_run() {
    let test = Test::guest("abi_loop").limits(|limits| limits.cpu = Duration::from_millis(50));
    let ran = test.start().await.fastlike.run(bare()).await;
    assert_eq!(ran.outcome, Outcome::CpuLimit);
    assert!(ran.cpu >= Duration::from_millis(50), "{:?}", ran.cpu);
    assert!(ran.heap_peak > 0);

    let test = Test::guest("proxy").limits(|limits| limits.max_sandboxes = 1);
    let (_origin, backend) = crate::harness::ByHand::new();
    let service = test.backend("origin", backend).start().await;
    let first = service.fastlike.run(bare());
    let mut first = Box::pin(first);
    assert!(futures_util::FutureExt::now_or_never(&mut first).is_none());
    let refused = service.fastlike.run(bare()).await;
    assert_eq!(refused.outcome, Outcome::Refused);
}

/// Calls a function that nobody has, twice imported, and traps unless it
/// gives 0.
const UNKNOWN: &str = r#"(module
  (import "fastly_new" "later" (func $later (param i32) (result i64)))
  (import "fastly_new" "later" (func (param i32) (result i64)))
  (memory (export "memory") 1)
  (func $asks (if (i64.ne (call $later (i32.const 1)) (i64.const 0)) (then unreachable)))
  (func (export "_start") (call $asks)))"#;

#[tokio::test]
async fn a_call_of_an_unknown_function_can_trap() {
    let test = Test::wat(UNKNOWN).with(|builder| builder.unknown_imports(UnknownImports::Trap));
    let service = test.start().await;
    assert_eq!(service.fastlike.summary().unknown_imports.len(), 2);
    let answer = service.get("/").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    let wanted = "unknown import: `fastly_new::later` has not been defined";
    assert!(answer.text().contains(wanted), "{}", answer.text());
    assert!(answer.text().contains("asks"), "{}", answer.text());
}

#[tokio::test]
async fn a_call_of_an_unknown_function_can_give_zero() {
    let behavior = UnknownImports::ZeroOrNull;
    let test = Test::wat(UNKNOWN).with(|builder| builder.unknown_imports(behavior));
    // Past the warm slots, too, where the program is linked again.
    let test = test.limits(|limits| limits.pool_slots = 1);
    let service = test.start().await;
    assert_eq!(service.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_functions_can_be_stood_in_for() {
    let text = r#"(module (import "env" "memory" (memory 1)) (func (export "_start")))"#;
    let test = Test::wat(text).with(|builder| builder.unknown_imports(UnknownImports::Trap));
    match test.build().await {
        Err(StartError::UnknownImports { imports, .. }) => {
            assert_eq!(imports[0].name, "memory");
            assert_eq!(imports[0].hint.as_deref(), Some("it is no function"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_run_that_is_cut_off_has_a_profile_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let profile = GuestProfile::folder(folder.path().join("new"));
    let test = Test::guest("abi_loop")
        .limits(|limits| limits.cpu = Duration::from_millis(50))
        .with(|builder| builder.profiler(Profiler::Guest(profile)));
    let service = test.start().await;
    service.fastlike.warm_up(1).await;
    assert_eq!(
        service.get("/").await.status,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    let files = std::fs::read_dir(folder.path().join("new")).expect("made");
    let files: Vec<_> = files.map(|file| file.expect("an entry").path()).collect();
    // Sandboxes that are only warmed up have none.
    assert_eq!(files.len(), 1, "{files:?}");
    let text = std::fs::read_to_string(&files[0]).expect("readable");
    assert!(text.contains("abi_loop::main"), "{}", text.len());
}
