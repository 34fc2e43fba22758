//! Which trailers a message may end with.
//!
//! HTTP/1.1 sends them only after chunked content, to a peer that asked for
//! them by `TE`, and under the names that `Trailer` announced (RFC 9110
//! section 6.5). HTTP/2 sends them all.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRAILER};

/// What a peer takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Takes {
    /// No trailers.
    Nothing,
    /// Those that were announced, after chunked content.
    Announced,
    /// All.
    #[default]
    Everything,
}

/// The trailers that a message may end with: all others are dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Allowed(Vec<HeaderName>);

/// Announces the trailers that are known already, to a peer that wants to
/// know, and says which may follow: `None` if any may.
pub(super) fn announce<'a>(
    takes: Takes,
    headers: &mut HeaderMap,
    known: impl Iterator<Item = &'a HeaderName>,
) -> Option<Allowed> {
    if takes == Takes::Everything {
        return None;
    }
    if takes == Takes::Nothing || headers.contains_key(CONTENT_LENGTH) {
        return Some(Allowed(Vec::new()));
    }
    Some(Allowed(announced(headers, known)))
}

/// Announces the trailers of these names, and gives the names of all that
/// are announced.
pub(crate) fn announced<'a>(
    headers: &mut HeaderMap,
    known: impl Iterator<Item = &'a HeaderName>,
) -> Vec<HeaderName> {
    let mut announced: Vec<HeaderName> = headers
        .get_all(TRAILER)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in known {
        // A map that is full leaves the trailer unannounced.
        if !announced.contains(name)
            && let Ok(value) = HeaderValue::from_str(name.as_str())
            && headers.try_append(TRAILER, value).is_ok()
        {
            announced.push(name.clone());
        }
    }
    announced
}

impl Allowed {
    /// The trailers that may be sent, of all that there are.
    pub(super) fn of(&self, trailers: HeaderMap) -> HeaderMap {
        if trailers.keys().all(|name| self.0.contains(name)) {
            return trailers;
        }
        let mut kept = HeaderMap::new();
        let mut dropped = Vec::new();
        for name in trailers.keys() {
            if !self.0.contains(name) {
                dropped.push(name.as_str());
                continue;
            }
            for value in trailers.get_all(name) {
                kept.append(name.clone(), value.clone());
            }
        }
        tracing::warn!(
            "trailers were dropped, because HTTP/1 sends only those that the peer asked for and \
             that the head announced: {}",
            dropped.join(", ")
        );
        kept
    }
}
