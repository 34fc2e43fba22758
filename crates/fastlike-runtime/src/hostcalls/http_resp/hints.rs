//! 103 Early Hints (RFC 8297): responses before the response.

use http::HeaderMap;
use http::header::TRAILER;

use crate::error::{Error, Result};
use crate::http::{FramingMode, apply_framing, hop_by_hop};
use crate::interim::TooMany;
use crate::limits;
use crate::session::{GuestResponse, Session};

/// Sends an informational response to the client, before the final one.
pub(super) fn send(session: &mut Session, response: GuestResponse) -> Result<()> {
    if response.status != http::StatusCode::EARLY_HINTS {
        return Err(Error::Invalid("status: 1xx other than 103"));
    }
    let Some(wire) = session.downstream.interim_wire() else {
        // A hint is allowed to be lost (RFC 8297 section 2), and HTTP/1.0 has
        // none. hyper writes none over HTTP/2.
        let why = "a client's connection takes none (only one of HTTP/1.1 does)";
        session.world.warned.dropped("103 responses", why);
        return Ok(());
    };
    let mut headers = response.headers;
    hop_by_hop::strip(&mut headers);
    apply_framing(FramingMode::Automatic, &mut headers, None);
    headers.remove(TRAILER);
    wire.interim(&head(&headers)).map_err(|TooMany| {
        tracing::warn!("a 103 response was dropped: the client has not read those before");
        Error::Limit {
            what: "bytes of 103 responses that wait for the client",
            max: limits::INTERIM_BYTES as u64,
        }
    })
}

/// The bytes of an HTTP/1.1 head. Names and values hold no line breaks: a
/// [`HeaderMap`] cannot.
fn head(headers: &HeaderMap) -> Vec<u8> {
    let mut head = b"HTTP/1.1 103 Early Hints\r\n".to_vec();
    for (name, value) in headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}
