//! Who decides how a message is framed: the runtime, or the guest's headers.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

/// `framing_headers_mode` of the ABI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FramingMode {
    /// The runtime computes `content-length` or `transfer-encoding`.
    #[default]
    Automatic,
    /// The guest's own framing headers are kept if they make sense.
    Manual,
}

/// Leaves exactly the framing headers that go with `mode`.
///
/// In manual mode a message needs one all-digit `content-length` or
/// `transfer-encoding: chunked`, not both (RFC 9112 section 6.3); anything
/// else falls back to automatic framing with a warning.
pub(crate) fn apply(mode: FramingMode, headers: &mut HeaderMap) {
    if mode == FramingMode::Manual {
        match manual_is_valid(headers) {
            Ok(()) => return,
            Err(why) => tracing::warn!("framing headers set by the guest are ignored: {why}"),
        }
    }
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
}

fn manual_is_valid(headers: &HeaderMap) -> Result<(), &'static str> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    match (lengths.next(), encodings.next()) {
        (None, None) => Err("neither content-length nor transfer-encoding is set"),
        (Some(_), Some(_)) => Err("both content-length and transfer-encoding are set"),
        (Some(length), None) => {
            let digits = length.as_bytes();
            let number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
            // Longer than any u64: hyper would refuse it while it writes.
            if lengths.next().is_some() {
                Err("there is more than one content-length")
            } else if !number
                || length
                    .to_str()
                    .ok()
                    .and_then(|l| l.parse::<u64>().ok())
                    .is_none()
            {
                Err("content-length is not a number")
            } else {
                Ok(())
            }
        }
        (None, Some(encoding)) => {
            if encodings.next().is_none() && encoding.as_bytes().eq_ignore_ascii_case(b"chunked") {
                Ok(())
            } else {
                Err("transfer-encoding is not chunked")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(mode: FramingMode, pairs: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("value"));
        }
        apply(mode, &mut headers);
        headers.keys().map(|k| k.to_string()).collect()
    }

    #[test]
    fn automatic_framing_strips_what_the_guest_set() {
        let pairs = [
            ("content-length", "5"),
            ("transfer-encoding", "chunked"),
            ("x", "y"),
        ];
        assert_eq!(after(FramingMode::Automatic, &pairs), ["x"]);
    }

    #[test]
    fn manual_framing_keeps_one_valid_header() {
        assert_eq!(
            after(FramingMode::Manual, &[("content-length", "5")]),
            ["content-length"]
        );
        assert_eq!(
            after(FramingMode::Manual, &[("transfer-encoding", "Chunked")]),
            ["transfer-encoding"]
        );
    }

    #[test]
    fn manual_framing_that_makes_no_sense_falls_back() {
        for pairs in [
            &[("content-length", "5"), ("transfer-encoding", "chunked")][..],
            &[("content-length", "5"), ("content-length", "6")],
            &[("content-length", "-5")],
            &[("content-length", "99999999999999999999999")],
            &[("transfer-encoding", "gzip")],
            &[],
        ] {
            assert!(after(FramingMode::Manual, pairs).is_empty(), "{pairs:?}");
        }
    }
}
