//! The text format of Prometheus, version 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::{Display, Write as _};

use super::histogram::{Scale, Snapshot};

/// The media type of the format.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A label's name and its value.
pub(super) type Label<'a> = (&'a str, &'a str);

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Page(String);

/// What kind of numbers a family has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Metrics with one name, which follow each other on the page.
pub(super) struct Family<'a> {
    page: &'a mut Page,
    name: &'static str,
}

impl Page {
    /// Begins a family. `help` is one line.
    pub(super) fn family(
        &mut self,
        kind: Kind,
        name: &'static str,
        help: &'static str,
    ) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing into a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Family { page: self, name }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    fn sample(&mut self, name: &str, suffix: &str, labels: &[Label<'_>], value: impl Display) {
        let _ = write!(self.0, "{name}{suffix}");
        let mut sign = '{';
        for (label, value) in labels {
            let _ = write!(self.0, "{sign}{label}=\"");
            self.escaped(value);
            self.0.push('"');
            sign = ',';
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    fn escaped(&mut self, text: &str) {
        for char in text.chars() {
            match char {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                char => self.0.push(char),
            }
        }
    }
}

impl Family<'_> {
    /// A counter's or a gauge's value.
    pub(super) fn value(&mut self, labels: &[Label<'_>], value: impl Display) {
        self.page.sample(self.name, "", labels, value);
    }

    /// A histogram.
    pub(super) fn histogram<S: Scale>(&mut self, labels: &[Label<'_>], snapshot: &Snapshot) {
        let mut count = 0_u64;
        for (bound, bucket) in S::BOUNDS.iter().zip(&snapshot.buckets) {
            count = count.wrapping_add(*bucket);
            #[expect(clippy::cast_precision_loss, reason = "bounds are round numbers")]
            let bound = (*bound as f64 / S::UNIT).to_string();
            let labels = [labels, &[("le", &bound)]].concat();
            self.page.sample(self.name, "_bucket", &labels, count);
        }
        let beyond = snapshot.buckets.get(S::BOUNDS.len()).copied();
        let count = count.wrapping_add(beyond.unwrap_or_default());
        let infinite = [labels, &[("le", "+Inf")]].concat();
        self.page.sample(self.name, "_bucket", &infinite, count);
        #[expect(clippy::cast_precision_loss, reason = "16 digits of it are enough")]
        let sum = snapshot.sum as f64 / S::UNIT;
        self.page.sample(self.name, "_sum", labels, sum);
        self.page.sample(self.name, "_count", labels, count);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::histogram::{Histogram, Memory, Waiting};
    use super::*;

    #[test]
    fn a_family_has_a_help_a_type_and_escaped_labels() {
        let mut page = Page::default();
        let mut family = page.family(Kind::Counter, "a_total", "Things.");
        family.value(&[], 1);
        family.value(&[("name", "a \"b\" \\c\nd"), ("kind", "ä")], 2.5);
        let expected = "# HELP a_total Things.\n# TYPE a_total counter\na_total 1\n\
                        a_total{name=\"a \\\"b\\\" \\\\c\\nd\",kind=\"ä\"} 2.5\n";
        assert_eq!(page.finish(), expected);
    }

    #[test]
    fn a_histogram_counts_up_to_each_bound() {
        let histogram = Histogram::default();
        for bytes in [1, 1024 * 1024 + 1, 1 << 40] {
            histogram.observe::<Memory>(bytes);
        }
        let mut snapshot = Snapshot::default();
        histogram.add_to(&mut snapshot);
        let mut page = Page::default();
        let mut family = page.family(Kind::Histogram, "heap_bytes", "Heap.");
        family.histogram::<Memory>(&[("a", "b")], &snapshot);
        let text = page.finish();
        for line in [
            "heap_bytes_bucket{a=\"b\",le=\"1048576\"} 1\n",
            "heap_bytes_bucket{a=\"b\",le=\"2097152\"} 2\n",
            "heap_bytes_bucket{a=\"b\",le=\"1073741824\"} 2\n",
            "heap_bytes_bucket{a=\"b\",le=\"+Inf\"} 3\n",
            "heap_bytes_sum{a=\"b\"} 1099512676354\n",
            "heap_bytes_count{a=\"b\"} 3\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn times_are_in_seconds() {
        let histogram = Histogram::default();
        histogram.observe_time::<Waiting>(Duration::from_millis(1_500));
        let mut snapshot = Snapshot::default();
        histogram.add_to(&mut snapshot);
        let mut page = Page::default();
        let mut family = page.family(Kind::Histogram, "t_seconds", "Time.");
        family.histogram::<Waiting>(&[], &snapshot);
        let text = page.finish();
        assert!(
            text.contains("t_seconds_bucket{le=\"0.0005\"} 0\n"),
            "{text}"
        );
        assert!(text.contains("t_seconds_bucket{le=\"2.5\"} 1\n"), "{text}");
        assert!(text.contains("t_seconds_sum 1.5\n"), "{text}");
    }
}
