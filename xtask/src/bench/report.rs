//! The results, for a person and for a program.

use std::fmt::Write as _;

use super::load::Measurement;

/// What every runtime did in one scenario.
pub(super) struct Row {
    pub(super) scenario: &'static str,
    pub(super) connections: u32,
    /// In the order of the runtimes: fastlike first.
    pub(super) measured: Vec<Measurement>,
}

impl Row {
    /// How many times as many requests fastlike answers as the other.
    fn ratio(&self, other: &Measurement) -> Option<f64> {
        let first = self.measured.first()?;
        (first.runtime != other.runtime && other.requests > 0)
            .then(|| first.per_second() / other.per_second())
    }
}

/// Prints a table.
pub(super) fn print(rows: &[Row]) {
    println!(
        "\n{:<12} {:>5}  {:<9} {:>10} {:>9} {:>9} {:>9} {:>9} {:>8} {:>7}  fastlike is",
        "scenario",
        "conns",
        "runtime",
        "req/s",
        "p50 ms",
        "p99 ms",
        "MB/s",
        "CPU us",
        "RSS MB",
        "errors"
    );
    for row in rows {
        for one in &row.measured {
            let ratio = row
                .ratio(one)
                .map_or(String::new(), |ratio| format!("{ratio:.2} x"));
            println!(
                "{:<12} {:>5}  {:<9} {:>10.0} {:>9.2} {:>9.2} {:>9.1} {:>9.1} {:>8} {:>7}  {ratio}",
                row.scenario,
                row.connections,
                one.runtime,
                one.per_second(),
                one.p50.as_secs_f64() * 1e3,
                one.p99.as_secs_f64() * 1e3,
                megabytes_per_second(one),
                one.cpu_per_request(),
                one.peak_memory / 1024,
                one.errors,
            );
        }
    }
}

/// The same, as JSON.
pub(super) fn json(seconds: u32, rows: &[Row]) -> String {
    let mut results = Vec::new();
    for row in rows {
        for one in &row.measured {
            let mut result = String::from("    {");
            // Writing to a string cannot fail.
            let _ = write!(
                result,
                "\"scenario\": \"{}\", \"connections\": {}, \"runtime\": \"{}\", \
                 \"requests_per_second\": {:.1}, \"p50_us\": {}, \"p99_us\": {}, \
                 \"megabytes_per_second\": {:.1}, \"cpu_us_per_request\": {:.1}, \
                 \"peak_memory_kib\": {}, \"errors\": {}",
                row.scenario,
                row.connections,
                one.runtime,
                one.per_second(),
                one.p50.as_micros(),
                one.p99.as_micros(),
                megabytes_per_second(one),
                one.cpu_per_request(),
                one.peak_memory,
                one.errors,
            );
            if let Some(ratio) = row.ratio(one) {
                let _ = write!(result, ", \"fastlike_ratio\": {ratio:.2}");
            }
            result.push('}');
            results.push(result);
        }
    }
    format!(
        "{{\n  \"seconds\": {seconds},\n  \"results\": [\n{}\n  ]\n}}\n",
        results.join(",\n")
    )
}

fn megabytes_per_second(one: &Measurement) -> f64 {
    let bytes = one.bytes as f64;
    bytes / 1e6 / one.duration.as_secs_f64().max(f64::EPSILON)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn measurement(runtime: &'static str, requests: u64) -> Measurement {
        Measurement {
            runtime,
            requests,
            duration: Duration::from_secs(1),
            ..Measurement::default()
        }
    }

    #[test]
    fn the_ratio_is_told_beside_the_other_runtime() {
        let row = Row {
            scenario: "hello",
            connections: 1,
            measured: vec![measurement("fastlike", 300), measurement("viceroy", 100)],
        };
        let json = json(5, &[row]);
        assert_eq!(json.matches("fastlike_ratio").count(), 1);
        assert!(json.contains("\"fastlike_ratio\": 3.00"));
    }
}
