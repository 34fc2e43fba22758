//! The old name of config stores: looks up in the dictionary `strings`, which must hold
//! `greeting = "hello"`.

#![expect(deprecated, reason = "programs that still say dictionary must work")]

use fastly::dictionary::{LookupError, OpenError};
use fastly::{Dictionary, Error, Request, Response};

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    let strings = Dictionary::open("strings");
    assert_eq!(strings.get("greeting").as_deref(), Some("hello"));
    assert!(strings.contains("greeting"));
    assert_eq!(strings.get("no such key"), None);
    assert!(!strings.contains("no such key"));

    let long = strings
        .try_get(&"k".repeat(257))
        .expect_err("the longest key has 256 bytes");
    assert!(matches!(long, LookupError::KeyTooLong), "{long:?}");

    let missing = Dictionary::try_open("no such dictionary")
        .err()
        .expect("not configured");
    assert!(
        matches!(missing, OpenError::DictionaryDoesNotExist),
        "{missing:?}"
    );

    Ok(Response::from_body("found"))
}
