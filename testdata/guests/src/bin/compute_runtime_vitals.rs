//! What a guest can find out about where it runs: CPU time, memory, environment, clocks, random
//! numbers, and its own output streams. Answers with lines of `name: value`.

use fastly::{Error, Request, Response, compute_runtime};
use std::collections::HashMap;
use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    println!("a line on stdout");
    eprintln!("a line on stderr");

    let heap = compute_runtime::heap_memory_snapshot_mib().expect("memory");
    // The compiler would do without a block that nothing looks at.
    let block = black_box(vec![1_u8; 20 << 20]);
    let grown = compute_runtime::heap_memory_snapshot_mib().expect("memory");
    assert!(
        grown >= heap + 19,
        "{heap} MiB, then {grown} MiB with {} bytes more",
        block.len()
    );

    // Sleeping costs time, but not CPU time.
    let before = compute_runtime::elapsed_vcpu_ms().expect("CPU time");
    let clock = Instant::now();
    std::thread::sleep(Duration::from_millis(50));
    assert!(clock.elapsed() >= Duration::from_millis(50));
    let spent = compute_runtime::elapsed_vcpu_ms().expect("CPU time") - before;

    // Two hashers are seeded with different random numbers.
    assert_ne!(
        RandomState::new().hash_one(1),
        RandomState::new().hash_one(1)
    );

    let mut lines = String::new();
    writeln!(lines, "vcpu_ms_of_50_asleep: {spent}")?;
    writeln!(lines, "heap_mib: {heap}")?;
    writeln!(
        lines,
        "unix_seconds: {}",
        SystemTime::UNIX_EPOCH.elapsed()?.as_secs()
    )?;
    writeln!(lines, "service_id: {}", compute_runtime::service_id())?;
    writeln!(
        lines,
        "service_version: {}",
        compute_runtime::service_version()
    )?;
    writeln!(lines, "sandbox_id: {}", compute_runtime::sandbox_id())?;
    writeln!(lines, "hostname: {}", compute_runtime::hostname())?;
    writeln!(lines, "is_staging: {}", compute_runtime::is_staging())?;
    let environment: HashMap<String, String> = std::env::vars().collect();
    let mut names: Vec<_> = environment.keys().collect();
    names.sort();
    for name in names {
        writeln!(lines, "env {name}: {}", environment[name])?;
    }
    writeln!(lines, "args: {}", std::env::args().count())?;
    Ok(Response::from_body(lines))
}
