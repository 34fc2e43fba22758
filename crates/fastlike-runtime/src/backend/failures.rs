//! Tells the operator of backends that fail, no more often than one can read.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{BackendInfo, SendError};
use crate::limits;

/// A backend has one line in this time.
const QUIET: Duration = Duration::from_secs(1);

/// The backends that failed of late, by name.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<HashMap<String, Told>>);

/// The last line about a backend.
#[derive(Debug)]
struct Told {
    at: Instant,
    /// Failures since, which had none.
    unsaid: u64,
}

impl Failures {
    /// Logs a failure, unless the last one of the backend was logged just now.
    pub(crate) fn tell(&self, name: &str, info: &BackendInfo, error: &SendError) {
        match error {
            // The guest's own doing, and told to it.
            SendError::RequestBody(_) | SendError::InvalidUri(_) => return,
            _ => {}
        }
        if let Some(line) = self.line(name, info, error) {
            tracing::warn!("{line}");
        }
    }

    fn line(&self, name: &str, info: &BackendInfo, error: &SendError) -> Option<String> {
        let now = Instant::now();
        let mut all = self.0.lock();
        let mut unsaid = 0;
        if let Some(told) = all.get_mut(name) {
            if now.duration_since(told.at) < QUIET {
                told.unsaid = told.unsaid.saturating_add(1);
                return None;
            }
            unsaid = told.unsaid;
        } else if all.len() >= limits::FAILING_BACKENDS {
            all.retain(|_, told| now.duration_since(told.at) < QUIET);
            if all.len() >= limits::FAILING_BACKENDS {
                return None;
            }
        }
        let told = Told { at: now, unsaid: 0 };
        all.insert(name.to_owned(), told);
        drop(all);
        let more = match unsaid {
            0 => String::new(),
            unsaid => format!(" ({unsaid} more requests to it failed since this was said last)"),
        };
        let (host, port) = (&info.host, info.port);
        Some(format!(
            "a request to the backend {name:?} ({host}:{port}) failed: {error}{more}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(failures: &Failures, name: &str) -> Option<String> {
        let info = BackendInfo::new("api.example", 443, true);
        failures.line(name, &info, &SendError::DnsTimeout)
    }

    #[tokio::test(start_paused = true)]
    async fn a_backend_that_fails_has_a_line_now_and_then_which_counts_the_others() {
        let failures = Failures::default();
        let first = "a request to the backend \"api\" (api.example:443) failed: \
                     DNS resolution timed out";
        assert_eq!(line(&failures, "api").as_deref(), Some(first));
        assert_eq!(line(&failures, "api"), None);
        assert_eq!(line(&failures, "api"), None);
        assert!(line(&failures, "other").is_some(), "each its own");
        tokio::time::advance(QUIET).await;
        let later = line(&failures, "api").expect("after a while");
        assert!(
            later.starts_with(first) && later.contains("(2 more"),
            "{later}"
        );
        tokio::time::advance(QUIET).await;
        assert_eq!(line(&failures, "api").as_deref(), Some(first));
    }

    #[tokio::test(start_paused = true)]
    async fn names_that_guests_make_up_take_no_more_than_their_room() {
        let failures = Failures::default();
        for number in 0..limits::FAILING_BACKENDS {
            assert!(line(&failures, &number.to_string()).is_some());
        }
        assert_eq!(line(&failures, "one too many"), None);
        tokio::time::advance(QUIET).await;
        assert!(line(&failures, "one too many").is_some());
        assert_eq!(failures.0.lock().len(), 1);
    }
}
