//! The clients, wrk and h2load, and what they say.

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

/// Sends HTTP/1.1 requests on so many connections, as fast as they are answered.
pub(super) fn wrk(
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

/// Sends HTTP/2 requests on so many streams of one connection, as fast as they are answered.
pub(super) fn h2load(load: &Load, port: u16, streams: u32, seconds: u32) -> Result<Measurement> {
    let mut h2load = Command::new("h2load");
    h2load
        .args([
            "-t1",
            "-c1",
            &format!("-m{streams}"),
            &format!("-D{seconds}s"),
        ])
        .arg(format!("http://127.0.0.1:{port}{}", load.path));
    let said = output(&mut h2load)?;
    read_h2load(&said, seconds).with_context(|| format!("h2load said: {said}"))
}

/// h2load tells mean and extremes of the times, not their percentiles: these are left at zero.
fn read_h2load(said: &str, seconds: u32) -> Option<Measurement> {
    let line = |start: &str| said.lines().find_map(|line| line.strip_prefix(start));
    // "requests: 10 total, 10 started, 10 done, 10 succeeded, 0 failed, 0 errored, 0 timeout"
    let requests = line("requests: ")?;
    let count = |name: &str| -> Option<u64> {
        let part = requests.split(", ").find(|part| part.ends_with(name))?;
        part.split(' ').next()?.parse().ok()
    };
    // "traffic: 1.00MB (1048576) total, ..."
    let bytes = line("traffic: ")?.split(['(', ')']).nth(1)?;
    Some(Measurement {
        requests: count("succeeded")?,
        duration: Duration::from_secs(seconds.into()),
        bytes: bytes.parse().ok()?,
        errors: count("failed")? + count("errored")? + count("timeout")?,
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

    #[test]
    fn what_h2load_counts_is_read() {
        let said = "\
finished in 5.00s, 200.00 req/s, 8.67MB/s
requests: 1000 total, 1000 started, 1000 done, 990 succeeded, 7 failed, 2 errored, 1 timeout
status codes: 990 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 8.67MB (9091000) total, 351.64KB (360077) headers (space savings 95.00%), 0B (0) data
";
        let measurement = read_h2load(said, 5).unwrap();
        assert!((measurement.per_second() - 198.0).abs() < 0.01);
        assert_eq!((measurement.errors, measurement.bytes), (10, 9_091_000));
        assert_eq!(read_h2load("usage", 5), None);
    }
}
