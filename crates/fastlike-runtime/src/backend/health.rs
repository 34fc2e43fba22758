//! How an origin's health is probed, and what the probes' results mean.

use std::time::Duration;

use http::Method;
use http::uri::PathAndQuery;

use crate::limits;

/// How often an origin is asked how it is, and when it counts as healthy: if
/// at least `threshold` of the last `window` answers were the expected one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct HealthCheck {
    /// Time from one probe to the next; 15 s.
    pub interval: Duration,
    /// How long an answer may take, connecting included; 5 s.
    pub timeout: Duration,
    /// The `host` header of a probe.
    pub host: String,
    /// The method of a probe; GET.
    pub method: Method,
    /// What a probe asks for; `/`. An origin's own path does not go before it.
    pub path: PathAndQuery,
    /// The status of a good answer; 200.
    pub expected_status: u16,
    /// How many of the last probes count; 5.
    pub window: u32,
    /// How many of these must have been good; 3.
    pub threshold: u32,
    /// How many count as good before the first probe; 4.
    pub initial: u32,
}

impl HealthCheck {
    /// A check with the platform's defaults, whose probes name `host`.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(5),
            host: host.into(),
            method: Method::GET,
            path: PathAndQuery::from_static("/"),
            expected_status: 200,
            window: 5,
            threshold: 3,
            initial: 4,
        }
    }

    /// What is wrong with it, by the rules of the newest Rust SDK.
    pub(super) fn validate(&self) -> Result<(), String> {
        let times = limits::HEALTH_TIME;
        if self.host.is_empty() {
            return Err("the host is empty".to_owned());
        }
        if self.host.len().saturating_add(self.path.as_str().len()) > limits::HEALTH_URL {
            let most = limits::HEALTH_URL;
            return Err(format!("host and path have more than {most} bytes"));
        }
        if self.method.as_str().len() > limits::METHOD {
            let most = limits::METHOD;
            return Err(format!("the method has more than {most} bytes"));
        }
        for (name, time) in [("interval", self.interval), ("timeout", self.timeout)] {
            if !times.contains(&time) {
                let (least, end) = (times.start, times.end);
                return Err(format!("the {name} is not from {least:?} to below {end:?}"));
            }
        }
        if !(100..1000).contains(&self.expected_status) {
            return Err("the expected status is not from 100 to 999".to_owned());
        }
        if self.window > limits::HEALTH_WINDOW {
            let most = limits::HEALTH_WINDOW;
            return Err(format!("the window is larger than {most}"));
        }
        if self.threshold > self.window || self.initial > self.window {
            return Err("threshold or initial is larger than the window".to_owned());
        }
        Ok(())
    }
}

/// The results of the last probes.
#[derive(Debug)]
pub(super) struct Results {
    /// One bit a probe, the last one lowest.
    good: u32,
    window: u32,
    threshold: u32,
}

impl Results {
    pub(super) fn new(check: &HealthCheck) -> Self {
        Self {
            good: ones(check.initial),
            window: check.window,
            threshold: check.threshold,
        }
    }

    pub(super) fn note(&mut self, good: bool) {
        self.good = (self.good << 1 | u32::from(good)) & ones(self.window);
    }

    pub(super) fn healthy(&self) -> bool {
        self.good.count_ones() >= self.threshold
    }
}

fn ones(count: u32) -> u32 {
    1u32.checked_shl(count).map_or(u32::MAX, |bit| bit - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_last_probes_said_decides() {
        let mut results = Results::new(&HealthCheck::new("a"));
        assert!(results.healthy(), "4 of 5 count as good at first");
        let mut note = |good| {
            results.note(good);
            results.healthy()
        };
        assert!(note(false) && note(false), "3 good ones are left");
        assert!(!note(false));
        assert!(!note(true));
        assert!(!note(true) && note(true), "3 of the last 5");
        assert!(note(true) && note(true) && note(true));
    }

    #[test]
    fn an_origin_can_begin_as_unhealthy() {
        let mut check = HealthCheck::new("a");
        check.initial = 2;
        let mut results = Results::new(&check);
        assert!(!results.healthy());
        results.note(true);
        assert!(results.healthy());
    }

    #[test]
    fn the_limits_are_those_of_the_sdk() {
        let check = |change: &dyn Fn(&mut HealthCheck)| {
            let mut check = HealthCheck::new("a");
            change(&mut check);
            check.validate().is_ok()
        };
        let second = Duration::from_secs(1);
        let short = |bytes| "x".repeat(bytes);
        assert!(check(&|c| c.window = limits::HEALTH_WINDOW));
        assert!(!check(&|c| c.window = limits::HEALTH_WINDOW + 1));
        assert!(!check(&|c| c.threshold = 6) && !check(&|c| c.initial = 6));
        assert!(check(&|c| c.interval = limits::HEALTH_TIME.start));
        assert!(!check(&|c| c.interval = second / 2));
        assert!(!check(&|c| c.timeout = limits::HEALTH_TIME.end));
        assert!(check(&|c| c.host = short(limits::HEALTH_URL - 1)));
        assert!(!check(&|c| c.host = short(limits::HEALTH_URL)));
        assert!(!check(&|c| c.host.clear()));
        assert!(!check(&|c| c.expected_status = 99) && check(&|c| c.expected_status = 999));
        let method = |bytes| short(bytes).parse::<Method>().expect("a token");
        assert!(!check(&|c| c.method = method(limits::METHOD + 1)));
    }
}
