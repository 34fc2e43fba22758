//! Who a service is: what the `FASTLY_*` environment says, and the mark by
//! which it knows a request that comes round again.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use crate::limits;

const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");
const ONCE: &str = "fastlike";
const AGAIN: &str = "fastlike-fanout";
const UNSET_ID: &str = "0000000000000000000000";

/// What a guest reads in its `FASTLY_*` environment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// `FASTLY_SERVICE_ID`, 22 zeros if unset. Also marks requests in
    /// `cdn-loop`; unset, a random mark is used. Services that stand for one
    /// at several POPs have the same one, and different POPs.
    pub service_id: Option<String>,
    /// `FASTLY_SERVICE_VERSION`.
    pub service_version: u32,
    /// `FASTLY_CUSTOMER_ID`, 22 zeros if unset.
    pub customer_id: Option<String>,
    /// `FASTLY_POP`. Also in the mark of requests.
    pub pop: String,
    /// `FASTLY_REGION`.
    pub region: String,
    /// `FASTLY_HOSTNAME`.
    pub hostname: String,
    /// `FASTLY_IS_STAGING`.
    pub staging: bool,
    /// `FASTLY_CACHE_GENERATION`, which grows when everything is purged.
    pub cache_generation: u64,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            service_id: None,
            service_version: 0,
            customer_id: None,
            pop: "DEV".to_owned(),
            region: "Somewhere".to_owned(),
            hostname: "localhost".to_owned(),
            staging: false,
            cache_generation: 0,
        }
    }
}

impl Identity {
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let id = |id: &Option<String>| id.clone().unwrap_or_else(|| UNSET_ID.to_owned());
        [
            ("FASTLY_CACHE_GENERATION", self.cache_generation.to_string()),
            ("FASTLY_CUSTOMER_ID", id(&self.customer_id)),
            ("FASTLY_HOSTNAME", self.hostname.clone()),
            ("FASTLY_IS_STAGING", u8::from(self.staging).to_string()),
            ("FASTLY_POP", self.pop.clone()),
            ("FASTLY_REGION", self.region.clone()),
            ("FASTLY_SERVICE_ID", id(&self.service_id)),
            ("FASTLY_SERVICE_VERSION", self.service_version.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }
}

/// The mark that requests of this service carry in `cdn-loop` (RFC 8586):
/// `fastlike; id="…"; pop="…"`.
#[derive(Debug, Clone)]
pub(crate) struct LoopMark {
    id: String,
    pop: String,
    /// A request with this has no business here again.
    once: HeaderValue,
    /// A request with this may come back.
    again: HeaderValue,
}

/// Where a request has been, as its `cdn-loop` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Trail {
    /// It goes round in circles.
    pub(crate) is_loop: bool,
    /// How often it came through this service before.
    pub(crate) this_service: u32,
    /// How often it came through this POP before, by whatever service.
    pub(crate) this_pop: u32,
}

impl LoopMark {
    /// The mark of a service at a POP. Quotes and backslashes could end the
    /// quoted strings, so they are no part of it.
    pub(crate) fn new(id: &str, pop: &str) -> Self {
        let plain = |text: &str| -> String {
            let is_plain = |c: &char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | ',' | ';');
            text.chars().filter(is_plain).collect()
        };
        let (id, pop) = (plain(id), plain(pop));
        let mark = |name: &'static str| {
            HeaderValue::try_from(format!("{name}; id=\"{id}\"; pop=\"{pop}\""))
                .unwrap_or(HeaderValue::from_static(name))
        };
        let (once, again) = (mark(ONCE), mark(AGAIN));
        Self {
            id,
            pop,
            once,
            again,
        }
    }

    /// Adds the mark to a request that is sent on.
    pub(crate) fn mark_loop(&self, headers: &mut HeaderMap) {
        // A map that is full cannot loop for long.
        drop(headers.try_append(CDN_LOOP, self.once.clone()));
    }

    /// Counts a request that is sent on and may come back to this service.
    pub(crate) fn mark_hop(&self, headers: &mut HeaderMap) {
        drop(headers.try_append(CDN_LOOP, self.again.clone()));
    }

    /// Follows a request back. It loops if it has come through this service
    /// at this POP before, if it bears a bare `fastlike` token, or if it has
    /// passed too many services. A service that runs at several POPs, as one
    /// with shields does, is passed once at each.
    pub(crate) fn trail(&self, headers: &HeaderMap) -> Trail {
        let mut trail = Trail::default();
        let mut hops = 0usize;
        for value in headers.get_all(CDN_LOOP) {
            let Ok(value) = value.to_str() else { continue };
            for hop in value.split(',') {
                hops = hops.saturating_add(1);
                let mut parts = hop.split(';').map(str::trim);
                let name = parts.next().unwrap_or_default();
                let once = name.eq_ignore_ascii_case(ONCE);
                if !once && !name.eq_ignore_ascii_case(AGAIN) {
                    continue;
                }
                let (mut id, mut pop) = (None, None);
                for part in parts {
                    id = id.or(part.strip_prefix("id="));
                    pop = pop.or(part.strip_prefix("pop="));
                }
                let is = |said: Option<&str>, own: &str| said.map(|s| s.trim_matches('"') == own);
                let (service, pop) = (is(id, &self.id), is(pop, &self.pop));
                trail.this_service += u32::from(service == Some(true));
                trail.this_pop += u32::from(pop == Some(true));
                trail.is_loop |= once && service != Some(false) && pop != Some(false);
            }
        }
        trail.is_loop |= hops > limits::CDN_LOOP_HOPS;
        trail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(value: &str) -> Trail {
        let mut headers = HeaderMap::new();
        headers.append(CDN_LOOP, value.parse().expect("value"));
        LoopMark::new("mine", "LIS").trail(&headers)
    }

    #[test]
    fn a_service_knows_its_own_mark() {
        let mark = LoopMark::new("mine", "LIS");
        let mut headers = HeaderMap::new();
        assert_eq!(mark.trail(&headers), Trail::default());
        LoopMark::new("other", "OPO").mark_loop(&mut headers);
        assert_eq!(mark.trail(&headers), Trail::default());
        mark.mark_loop(&mut headers);
        let again = Trail {
            is_loop: true,
            this_service: 1,
            this_pop: 1,
        };
        assert_eq!(mark.trail(&headers), again);
    }

    #[test]
    fn the_same_service_at_another_pop_is_a_visit_and_no_loop() {
        let mut headers = HeaderMap::new();
        LoopMark::new("mine", "OPO").mark_loop(&mut headers);
        LoopMark::new("other", "LIS").mark_loop(&mut headers);
        let passed = Trail {
            is_loop: false,
            this_service: 1,
            this_pop: 1,
        };
        assert_eq!(LoopMark::new("mine", "LIS").trail(&headers), passed);
    }

    #[test]
    fn a_bare_token_is_a_loop_and_other_networks_are_not() {
        assert!(trail("fastlike").is_loop);
        assert!(trail("Fastly, FASTLIKE ; x=1").is_loop);
        assert!(trail("fastlike; id=\"mine\"").is_loop);
        assert!(!trail("fastly, cloudflare; id=\"mine\"").is_loop);
        assert!(!trail("fastlike-of-others").is_loop);
    }

    #[test]
    fn what_may_come_back_comes_back_so_many_times() {
        let (mark, mut headers) = (LoopMark::new("mine", "LIS"), HeaderMap::new());
        for visits in 0..limits::CDN_LOOP_HOPS {
            assert_eq!(mark.trail(&headers).this_service as usize, visits);
            mark.mark_hop(&mut headers);
            assert!(!mark.trail(&headers).is_loop);
        }
        mark.mark_hop(&mut headers);
        assert!(mark.trail(&headers).is_loop);
    }

    #[test]
    fn twenty_hops_pass_and_one_more_does_not() {
        let hops = |n: usize| vec!["fastlike; id=\"other\""; n].join(", ");
        assert!(!trail(&hops(limits::CDN_LOOP_HOPS)).is_loop);
        assert!(trail(&hops(limits::CDN_LOOP_HOPS + 1)).is_loop);
    }
}
