//! Headers and trailers as guests read and change them; shared by requests,
//! responses and bodies.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, Result};
use crate::limits;

const ABSENT: Error = Error::Invalid("header: there is none of this name");

/// A header's name in the form that is compared.
pub(super) fn name(raw: &[u8]) -> Result<HeaderName> {
    HeaderName::from_bytes(raw).map_err(|_| Error::Invalid("header name"))
}

fn value(raw: &[u8]) -> Result<HeaderValue> {
    HeaderValue::from_bytes(raw).map_err(|_| Error::Invalid("header value"))
}

/// Names in the order they came, each once.
pub(super) fn names(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.keys().map(|name| name.as_str().as_bytes())
}

/// The first value; an absent header is `inval`, which SDKs read as "none".
pub(super) fn first<'a>(headers: &'a HeaderMap, raw_name: &[u8]) -> Result<&'a [u8]> {
    // Common names come in lower case already: look up without building one.
    let found = match std::str::from_utf8(raw_name) {
        Ok(text) => headers.get(text),
        Err(_) => None,
    };
    found.map(HeaderValue::as_bytes).ok_or(ABSENT)
}

/// All values; none for an absent header.
pub(super) fn all<'a>(
    headers: &'a HeaderMap,
    raw_name: &[u8],
) -> Result<impl Iterator<Item = &'a [u8]> + use<'a>> {
    Ok(headers
        .get_all(name(raw_name)?)
        .iter()
        .map(HeaderValue::as_bytes))
}

/// Replaces all values by one.
pub(super) fn insert(headers: &mut HeaderMap, raw_name: &[u8], raw_value: &[u8]) -> Result<()> {
    room(headers)?;
    headers
        .try_insert(name(raw_name)?, value(raw_value)?)
        .map_err(|_| full())?;
    Ok(())
}

/// Adds a value.
pub(super) fn append(headers: &mut HeaderMap, raw_name: &[u8], raw_value: &[u8]) -> Result<()> {
    room(headers)?;
    headers
        .try_append(name(raw_name)?, value(raw_value)?)
        .map_err(|_| full())?;
    Ok(())
}

/// Removes all values; an absent header is `inval`.
pub(super) fn remove(headers: &mut HeaderMap, raw_name: &[u8]) -> Result<()> {
    headers.remove(name(raw_name)?).map(drop).ok_or(ABSENT)
}

/// Replaces all values by those in `list`, each ended by a NUL. What follows
/// the last NUL is dropped; an empty list clears the header.
pub(super) fn set_all(headers: &mut HeaderMap, raw_name: &[u8], list: &[u8]) -> Result<()> {
    let name = name(raw_name)?;
    let mut values: Vec<HeaderValue> = Vec::new();
    let mut rest = list;
    while let Some(end) = rest.iter().position(|byte| *byte == 0) {
        let (item, after) = rest.split_at(end);
        values.push(value(item)?);
        if values.len() > limits::HEADERS {
            return Err(full());
        }
        rest = after.split_first().map_or(&[][..], |(_, rest)| rest);
    }
    headers.remove(&name);
    for value in values {
        room(headers)?;
        headers
            .try_append(name.clone(), value)
            .map_err(|_| full())?;
    }
    Ok(())
}

fn room(headers: &HeaderMap) -> Result<()> {
    if headers.len() >= limits::HEADERS {
        Err(full())
    } else {
        Ok(())
    }
}

fn full() -> Error {
    Error::Limit {
        what: "headers of a message",
        max: limits::HEADERS as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_set_replaces_and_ignores_what_follows_the_last_nul() {
        let mut headers = HeaderMap::new();
        insert(&mut headers, b"X-List", b"old").expect("room");
        set_all(&mut headers, b"x-list", b"one\0two\0cut").expect("valid");
        let values: Vec<_> = all(&headers, b"x-list").expect("valid").collect();
        assert_eq!(values, [b"one", b"two"]);
        set_all(&mut headers, b"x-list", b"").expect("valid");
        assert!(headers.is_empty());
    }

    #[test]
    fn an_absent_header_and_a_malformed_one_are_invalid_arguments() {
        let mut headers = HeaderMap::new();
        for result in [
            first(&headers, b"x").map(drop),
            remove(&mut headers, b"x"),
            insert(&mut headers, b"bad name", b"v"),
            insert(&mut headers, b"x", b"bad\r\nvalue"),
            insert(&mut headers, b"", b"v"),
        ] {
            assert!(matches!(result, Err(Error::Invalid(_))));
        }
    }

    #[test]
    fn a_message_holds_headers_up_to_the_limit_and_not_one_more() {
        let mut headers = HeaderMap::new();
        for _ in 0..limits::HEADERS {
            append(&mut headers, b"x", b"y").expect("room");
        }
        assert!(matches!(
            append(&mut headers, b"x", b"y"),
            Err(Error::Limit { .. })
        ));
    }
}
