//! The client: wrk, and what it says.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::shell::output;

/// What every request of a scenario is.
pub(super) struct Load {
    pub(super) path: &'static str,
    /// Bytes of the body; 0 for a GET.
    pub(super) body: usize,
    /// Headers beside the usual ones.
    pub(super) headers: u32,
}

/// What one runtime did under one load.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Measurement {
    pub(super) runtime: &'static str,
    pub(super) requests: u64,
    pub(super) duration: Duration,
    /// Bytes of the responses, heads included.
    pub(super) bytes: u64,
    /// Requests without an answer, and answers that were not a success.
    pub(super) errors: u64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    /// CPU time of the server meanwhile.
    pub(super) cpu: Duration,
    /// The most memory the server has had, in KiB.
    pub(super) peak_memory: u64,
}

impl Measurement {
    pub(super) fn per_second(&self) -> f64 {
        as_f64(self.requests) / self.duration.as_secs_f64().max(f64::EPSILON)
    }

    /// CPU time of the server for one request, in microseconds.
    pub(super) fn cpu_per_request(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / as_f64(self.requests.max(1))
    }
}

fn as_f64(count: u64) -> f64 {
    count as f64
}

/// Prepares the requests, and says at the end what happened in one line that is easy to read.
const SCRIPT: &str = r#"
function init(args)
    local body, headers = tonumber(args[1]), tonumber(args[2])
    if body > 0 then
        wrk.method = "POST"
        wrk.body = string.rep("x", body)
    end
    for number = 1, headers do
        wrk.headers["x-bench-" .. number] = "the value of header number " .. number
    end
end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("RESULT %d %d %d %d %d %d\n",
        summary.requests, summary.duration, summary.bytes,
        e.connect + e.read + e.write + e.timeout + e.status,
        latency:percentile(50), latency:percentile(99)))
end
"#;

/// Sends requests as fast as they are answered.
pub(super) fn run(
    load: &Load,
    port: u16,
    connections: u32,
    seconds: u32,
    dir: &Path,
) -> Result<Measurement> {
    let script = dir.join("wrk.lua");
    fs::write(&script, SCRIPT)?;
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s")])
        .args(["--timeout", "30s"])
        .arg("-s")
        .arg(&script)
        .arg(format!("http://127.0.0.1:{port}{}", load.path))
        .args(["--", &load.body.to_string(), &load.headers.to_string()]);
    let said = output(&mut wrk)?;
    read(&said).with_context(|| format!("wrk said: {said}"))
}

fn read(said: &str) -> Option<Measurement> {
    let line = said.lines().find_map(|line| line.strip_prefix("RESULT "))?;
    let numbers: Vec<u64> = line
        .split_whitespace()
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    let [requests, duration, bytes, errors, p50, p99] = numbers.try_into().ok()?;
    Some(Measurement {
        requests,
        duration: Duration::from_micros(duration),
        bytes,
        errors,
        p50: Duration::from_micros(p50),
        p99: Duration::from_micros(p99),
        ..Measurement::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_script_is_read() {
        let said = "Running 5s test\n  1 threads\nRESULT 1000 5000000 2048 3 150 900\n";
        let measurement = read(said).unwrap();
        assert!((measurement.per_second() - 200.0).abs() < 0.01);
        assert_eq!(measurement.errors, 3);
        assert_eq!(measurement.p99, Duration::from_micros(900));
        assert_eq!(read("unable to connect"), None);
    }
}
