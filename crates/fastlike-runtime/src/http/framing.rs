//! Who decides how a message is framed: the runtime, or the guest's headers.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};

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
/// else falls back to automatic framing with a warning. So does a
/// `content-length` that is not `content`, the length of the content where it
/// is known: the peer would take the rest for another message, or wait for it.
pub(crate) fn apply(mode: FramingMode, headers: &mut HeaderMap, content: Option<u64>) {
    if mode == FramingMode::Manual {
        match manual_is_valid(headers, content) {
            Ok(()) => return,
            Err(why) => tracing::warn!("framing headers set by the guest are ignored: {why}"),
        }
    }
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
}

fn manual_is_valid(headers: &HeaderMap, content: Option<u64>) -> Result<(), &'static str> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    match (lengths.next(), encodings.next()) {
        (None, None) => Err("neither content-length nor transfer-encoding is set"),
        (Some(_), Some(_)) => Err("both content-length and transfer-encoding are set"),
        (Some(length), None) => match (length_in(length), content) {
            _ if lengths.next().is_some() => Err("there is more than one content-length"),
            (None, _) => Err("content-length is not a number"),
            (Some(length), Some(content)) if length != content => {
                Err("content-length is not the length of the content")
            }
            (Some(_), _) => Ok(()),
        },
        (None, Some(encoding)) => {
            if encodings.next().is_none() && encoding.as_bytes().eq_ignore_ascii_case(b"chunked") {
                Ok(())
            } else {
                Err("transfer-encoding is not chunked")
            }
        }
    }
}

/// The number in a `content-length` of digits only. None for more than any
/// u64, which hyper would refuse while it writes.
pub(crate) fn length_in(value: &HeaderValue) -> Option<u64> {
    let digits = value.to_str().ok()?;
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| only_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(mode: FramingMode, pairs: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("value"));
        }
        apply(mode, &mut headers, Some(5));
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
            &[("content-length", "+5")],
            &[("content-length", "")],
            &[("content-length", "4")],
            &[("content-length", "99999999999999999999999")],
            &[("transfer-encoding", "gzip")],
            &[],
        ] {
            assert!(after(FramingMode::Manual, pairs).is_empty(), "{pairs:?}");
        }
    }
}
