//! What is counted of requests to backends.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use fastlike_runtime::BackendReport;
use parking_lot::Mutex;

use super::histogram::{Histogram, Waiting};
use crate::limits;

/// Stands for all backends that programs make while they run: their names are
/// made up, and so without a limit.
pub(super) const DYNAMIC: &str = "(dynamic)";
/// Stands for names beyond the limit.
pub(super) const OTHER: &str = "(other)";

/// The classes of statuses, by their first digit.
pub(super) const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "other"];

/// Counters by the backend's name.
#[derive(Default)]
pub(super) struct Backends {
    /// Read without waiting; replaced for a new name.
    named: ArcSwap<HashMap<String, Arc<Backend>>>,
}

/// The counters of one backend.
#[derive(Default)]
pub(super) struct Backend {
    classes: [AtomicU64; CLASSES.len()],
    /// By the kind of error. There are some twenty, and failing is slow.
    errors: Mutex<HashMap<&'static str, u64>>,
    pub(super) time: Histogram,
}

impl Backends {
    pub(super) fn count(&self, report: &BackendReport<'_>) {
        let name = if report.dynamic {
            DYNAMIC
        } else {
            report.backend
        };
        if let Some(backend) = self.named.load().get(name) {
            return backend.count(report);
        }
        self.add(name).count(report);
    }

    /// The counters of a name that may be new.
    fn add(&self, name: &str) -> Arc<Backend> {
        let new = Arc::new(Backend::default());
        let insert = |named: &Arc<HashMap<String, Arc<Backend>>>| {
            let name = if named.len() < limits::BACKENDS || named.contains_key(name) {
                name
            } else {
                OTHER
            };
            if named.contains_key(name) {
                return Arc::clone(named);
            }
            let mut named = HashMap::clone(named);
            named.insert(name.to_owned(), Arc::clone(&new));
            Arc::new(named)
        };
        self.named.rcu(insert);
        let named = self.named.load();
        let found = named.get(name).or_else(|| named.get(OTHER));
        found.map_or(new, Arc::clone)
    }

    /// All, by name.
    pub(super) fn all(&self) -> Vec<(String, Arc<Backend>)> {
        let named = self.named.load();
        let owned = |(name, backend): (&String, &Arc<Backend>)| (name.clone(), Arc::clone(backend));
        let mut all: Vec<_> = named.iter().map(owned).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }
}

impl Backend {
    fn count(&self, report: &BackendReport<'_>) {
        self.time.observe_time::<Waiting>(report.took);
        match report.result {
            Ok(status) => {
                let class = usize::from(status.as_u16() / 100).saturating_sub(1);
                let counter = self.classes.get(class.min(CLASSES.len() - 1));
                if let Some(counter) = counter {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(error) => {
                let mut errors = self.errors.lock();
                let count = errors.entry(error.kind()).or_default();
                *count = count.wrapping_add(1);
            }
        }
    }

    /// Responses, by their class.
    pub(super) fn classes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self
            .classes
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        CLASSES.into_iter().zip(counts)
    }

    /// Errors, by their kind.
    pub(super) fn errors(&self) -> Vec<(&'static str, u64)> {
        let mut errors: Vec<_> = self.errors.lock().iter().map(|(k, n)| (*k, *n)).collect();
        errors.sort_unstable();
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_names_are_counted_each_for_itself_and_the_rest_together() {
        let backends = Backends::default();
        let first = backends.add("0");
        for n in 1..limits::BACKENDS {
            backends.add(&n.to_string());
        }
        assert!(Arc::ptr_eq(&first, &backends.add("0")));
        let beyond = backends.add("one more");
        assert!(Arc::ptr_eq(&beyond, &backends.add("and another")));
        assert!(!Arc::ptr_eq(&beyond, &first));
        let names: Vec<String> = backends.all().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), limits::BACKENDS + 1);
        assert!(names.iter().any(|name| name == OTHER));
    }
}
