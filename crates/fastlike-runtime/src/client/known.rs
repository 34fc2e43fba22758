//! What a service knows of its clients by configuration.

use http::header::HeaderName;
use http::request::Parts;

use super::ConnInfo;
use super::signals::{self, ClientSignals};

const FASTLY_KEY: HeaderName = HeaderName::from_static("fastly-key");

type Provider = Box<dyn Fn(&Parts, &ConnInfo) -> ClientSignals + Send + Sync>;

/// What a service knows of its clients by configuration.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) provider: Option<Provider>,
    pub(crate) compliance_region: Option<String>,
    pub(crate) valid_keys: Vec<String>,
}

impl Known {
    /// What is known of this request's client, if anything is. Removes what a
    /// client that is not trusted says about itself.
    pub(crate) fn signals(&self, parts: &mut Parts, conn: &ConnInfo) -> Option<Box<ClientSignals>> {
        let configured = self.provider.as_ref().map(|ask| ask(parts, conn));
        let told = signals::has_headers(&parts.headers).then(|| {
            if conn.trusted {
                ClientSignals::from_headers(&parts.headers)
            } else {
                signals::strip_headers(&mut parts.headers);
                ClientSignals::default()
            }
        });
        let known = match (configured, told) {
            (None, None) => None,
            (Some(known), None) | (None, Some(known)) => Some(known),
            (Some(configured), Some(told)) => Some(configured.or(told)),
        };
        let region = self.compliance_region.as_ref();
        match (known, region) {
            (None, None) => None,
            (None, Some(region)) => Some(Box::new(ClientSignals {
                compliance_region: Some(region.clone()),
                ..ClientSignals::default()
            })),
            (Some(mut known), region) => {
                known.compliance_region = known.compliance_region.or_else(|| region.cloned());
                Some(Box::new(known))
            }
        }
    }

    /// Whether the request bears one of the service's keys in `fastly-key`.
    pub(crate) fn key_is_valid(&self, parts: &Parts) -> bool {
        if self.valid_keys.is_empty() {
            return false;
        }
        let Some(key) = parts.headers.get(FASTLY_KEY) else {
            return false;
        };
        // All are compared as a whole: how long it takes tells nothing.
        self.valid_keys.iter().fold(false, |valid, known| {
            valid | is_same(known.as_bytes(), key.as_bytes())
        })
    }
}

fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && differences == 0 && !one.is_empty()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(name: &'static str, value: &str) -> Parts {
        let request = Request::get("/").header(name, value).body(());
        request.expect("a request").into_parts().0
    }

    #[test]
    fn a_key_is_valid_as_a_whole() {
        let known = Known {
            valid_keys: vec!["secret".to_owned(), String::new()],
            ..Known::default()
        };
        let valid = |key: &str| known.key_is_valid(&parts("fastly-key", key));
        assert!(valid("secret"));
        for wrong in ["", "secre", "secret1", "Secret"] {
            assert!(!valid(wrong), "{wrong}");
        }
    }

    #[test]
    fn headers_count_from_a_trusted_peer_and_vanish_from_any_other() {
        let (known, trusted) = (Known::default(), ConnInfo::default().with_trust());
        let mut request = parts("x-fastly-ddos-detected", "1");
        let told = known.signals(&mut request, &trusted).expect("told");
        assert_eq!(told.ddos_detected, Some(true));
        let told = known.signals(&mut request, &ConnInfo::default());
        assert_eq!(told.as_deref(), Some(&ClientSignals::default()));
        assert!(request.headers.is_empty());
        assert_eq!(known.signals(&mut request, &ConnInfo::default()), None);
    }

    #[test]
    fn what_is_configured_wins_over_what_is_told() {
        let known = Known {
            provider: Some(Box::new(|_, _| ClientSignals {
                ddos_detected: Some(false),
                ..ClientSignals::default()
            })),
            compliance_region: Some("eu".to_owned()),
            ..Known::default()
        };
        let mut request = parts("x-fastly-ddos-detected", "1");
        let trusted = ConnInfo::default().with_trust();
        let signals = known.signals(&mut request, &trusted).expect("known");
        assert_eq!(signals.ddos_detected, Some(false));
        assert_eq!(signals.compliance_region.as_deref(), Some("eu"));
    }
}
