//! Who a service is: what the `FASTLY_*` environment says, and the mark by
//! which it knows a request that comes round again.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use crate::limits;

const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");
const UNSET_ID: &str = "0000000000000000000000";

/// What a guest reads in its `FASTLY_*` environment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// `FASTLY_SERVICE_ID`, 22 zeros if unset. Also marks requests in
    /// `cdn-loop`; unset, a random mark is used.
    pub service_id: Option<String>,
    /// `FASTLY_SERVICE_VERSION`.
    pub service_version: u32,
    /// `FASTLY_CUSTOMER_ID`, 22 zeros if unset.
    pub customer_id: Option<String>,
    /// `FASTLY_POP`.
    pub pop: String,
    /// `FASTLY_REGION`.
    pub region: String,
    /// `FASTLY_HOSTNAME`.
    pub hostname: String,
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
        }
    }
}

impl Identity {
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let id = |id: &Option<String>| id.clone().unwrap_or_else(|| UNSET_ID.to_owned());
        [
            ("FASTLY_CACHE_GENERATION", "0".to_owned()),
            ("FASTLY_CUSTOMER_ID", id(&self.customer_id)),
            ("FASTLY_HOSTNAME", self.hostname.clone()),
            ("FASTLY_IS_STAGING", "0".to_owned()),
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
/// `fastlike; id="…"`.
#[derive(Debug, Clone)]
pub(crate) struct LoopMark {
    id: String,
    token: HeaderValue,
}

impl LoopMark {
    /// A mark with the service's id. Quotes and backslashes could end the
    /// quoted string, so they are no part of it.
    pub(crate) fn new(id: &str) -> Self {
        let id: String = id
            .chars()
            .filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | ',' | ';'))
            .collect();
        let token = HeaderValue::try_from(format!("fastlike; id=\"{id}\""))
            .unwrap_or(HeaderValue::from_static("fastlike"));
        Self { id, token }
    }

    /// Adds the mark to a request that is sent on.
    pub(crate) fn mark_loop(&self, headers: &mut HeaderMap) {
        // A map that is full cannot loop for long.
        drop(headers.try_append(CDN_LOOP, self.token.clone()));
    }

    /// Counts a request that is sent on and may come back to this service.
    pub(crate) fn mark_hop(&self, headers: &mut HeaderMap) {
        drop(headers.try_append(CDN_LOOP, HeaderValue::from_static("fastlike-fanout")));
    }

    /// True for a request that has come through this service before, that
    /// bears a bare `fastlike` token, or that has passed too many services.
    pub(crate) fn is_loop(&self, headers: &HeaderMap) -> bool {
        let mut hops = 0usize;
        for value in headers.get_all(CDN_LOOP) {
            let Ok(value) = value.to_str() else { continue };
            for hop in value.split(',') {
                hops = hops.saturating_add(1);
                let mut parts = hop.split(';').map(str::trim);
                if !parts
                    .next()
                    .is_some_and(|name| name.eq_ignore_ascii_case("fastlike"))
                {
                    continue;
                }
                let id = parts
                    .find_map(|part| part.strip_prefix("id="))
                    .map(|id| id.trim_matches('"'));
                if id.is_none_or(|id| id == self.id) {
                    return true;
                }
            }
        }
        hops > limits::CDN_LOOP_HOPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_loop(value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.append(CDN_LOOP, value.parse().expect("value"));
        LoopMark::new("mine").is_loop(&headers)
    }

    #[test]
    fn a_service_knows_its_own_mark() {
        let mark = LoopMark::new("mine");
        let mut headers = HeaderMap::new();
        assert!(!mark.is_loop(&headers));
        LoopMark::new("other").mark_loop(&mut headers);
        assert!(!mark.is_loop(&headers));
        mark.mark_loop(&mut headers);
        assert!(mark.is_loop(&headers));
    }

    #[test]
    fn a_bare_token_is_a_loop_and_other_networks_are_not() {
        assert!(is_loop("fastlike"));
        assert!(is_loop("Fastly, FASTLIKE ; x=1"));
        assert!(!is_loop("fastly, cloudflare; id=\"mine\""));
        assert!(!is_loop("fastlike-of-others"));
    }

    #[test]
    fn what_may_come_back_comes_back_so_many_times() {
        let (mark, mut headers) = (LoopMark::new("mine"), HeaderMap::new());
        for _ in 0..limits::CDN_LOOP_HOPS {
            mark.mark_hop(&mut headers);
            assert!(!mark.is_loop(&headers));
        }
        mark.mark_hop(&mut headers);
        assert!(mark.is_loop(&headers));
    }

    #[test]
    fn twenty_hops_pass_and_one_more_does_not() {
        let hops = |n: usize| vec!["fastlike; id=\"other\""; n].join(", ");
        assert!(!is_loop(&hops(limits::CDN_LOOP_HOPS)));
        assert!(is_loop(&hops(limits::CDN_LOOP_HOPS + 1)));
    }
}
