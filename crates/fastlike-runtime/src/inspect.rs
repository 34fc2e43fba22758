//! Verdicts of a web application firewall on requests (the platform's Next-Gen
//! WAF), for `fastly_http_req::inspect`.

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, Method, Uri};

/// A request that a program wants to have inspected.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inspection<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's URI, absolute if it came from a client.
    pub uri: &'a Uri,
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// The exact length of its content, if it is known. The content itself
    /// stays with the program.
    pub length: Option<u64>,
    /// The "corp" that the program names; not empty.
    pub corp: &'a str,
    /// The workspace (or "site") that the program names; not empty.
    pub workspace: &'a str,
    /// The address that the request is judged by: that which the program
    /// gives, else that of its client.
    pub client_ip: Option<IpAddr>,
}

/// Gives verdicts on requests. Closures `Fn(&Inspection) -> Verdict`
/// implement it.
///
/// Called from the threads that run guests, so it must answer at once.
pub trait Inspector: Send + Sync + 'static {
    /// What is to become of a request.
    fn inspect(&self, inspection: &Inspection<'_>) -> Verdict;
}

impl<F> Inspector for F
where
    F: Fn(&Inspection<'_>) -> Verdict + Send + Sync + 'static,
{
    fn inspect(&self, inspection: &Inspection<'_>) -> Verdict {
        self(inspection)
    }
}

/// Allows everything, as Viceroy does.
pub(crate) struct AllowAll;

impl Inspector for AllowAll {
    fn inspect(&self, _: &Inspection<'_>) -> Verdict {
        Verdict::allow()
    }
}

/// What a firewall says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// What is to become of the request.
    pub decision: Decision,
    /// The firewall's response code: 200 for a request that may pass, else
    /// the status that the client should get. At most 32,767.
    pub status: u16,
    /// Where a blocked client is sent instead; empty if nowhere.
    pub redirect_url: String,
    /// Why the request was noticed.
    pub tags: Vec<String>,
    /// How long the decision took, told in milliseconds.
    pub took: Duration,
}

/// What is to become of an inspected request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// It may pass.
    Allow,
    /// It must not pass.
    Block,
    /// The service may not ask.
    Unauthorized,
    /// A word that programs do not know yet.
    Other(String),
}

impl Decision {
    fn as_str(&self) -> &str {
        match self {
            Self::Allow => "allow",
            Self::Block => "block",
            Self::Unauthorized => "unauthorized",
            Self::Other(word) => word,
        }
    }
}

impl Verdict {
    /// The request may pass: response code 200.
    pub fn allow() -> Self {
        Self::new(Decision::Allow, 200)
    }

    /// The request must not pass; its client should get `status`, as 406.
    pub fn block(status: u16) -> Self {
        Self::new(Decision::Block, status)
    }

    /// Any decision with any response code.
    pub fn new(decision: Decision, status: u16) -> Self {
        Self {
            decision,
            status,
            redirect_url: String::new(),
            tags: Vec::new(),
            took: Duration::ZERO,
        }
    }

    /// Sends a blocked client there.
    #[must_use]
    pub fn redirect(mut self, url: impl Into<String>) -> Self {
        self.redirect_url = url.into();
        self
    }

    /// Adds a reason.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// The verdict as SDKs parse it (ABI facts, section 12).
    pub(crate) fn to_json(&self) -> String {
        // The SDK's response code has 16 bits and a sign.
        let status = self.status.min(i16::MAX.unsigned_abs());
        let took = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        serde_json::json!({
            "waf_response": status,
            "redirect_url": self.redirect_url,
            "tags": self.tags,
            "verdict": self.decision.as_str(),
            "decision_ms": took,
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_what_sdks_parse() {
        let parsed = |verdict: Verdict| -> serde_json::Value {
            serde_json::from_str(&verdict.to_json()).expect("JSON")
        };
        assert_eq!(
            parsed(Verdict::allow()),
            serde_json::json!({
                "waf_response": 200, "redirect_url": "", "tags": [],
                "verdict": "allow", "decision_ms": 0,
            })
        );
        let mut verdict = Verdict::block(302)
            .redirect("https://example.com/?\"why\"")
            .tag("SQLI")
            .tag("XSS");
        verdict.took = Duration::from_micros(7_900);
        assert_eq!(
            parsed(verdict),
            serde_json::json!({
                "waf_response": 302, "redirect_url": "https://example.com/?\"why\"",
                "tags": ["SQLI", "XSS"], "verdict": "block", "decision_ms": 7,
            })
        );
        let odd = Verdict::new(Decision::Other("later".to_owned()), u16::MAX);
        assert_eq!(parsed(odd)["waf_response"], i16::MAX);
    }
}
