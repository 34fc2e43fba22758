//! Looks up in the config store `settings`, which must hold `greeting = "hello"`, `empty = ""` and
//! `long`, a value of 8,000 bytes.

use fastly::config_store::{LookupError, OpenError};
use fastly::{ConfigStore, Error, Request, Response};

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    let settings = ConfigStore::open("settings");
    assert_eq!(settings.get("greeting").as_deref(), Some("hello"));
    assert_eq!(settings.get("empty").as_deref(), Some(""));
    assert!(settings.contains("greeting"));
    assert_eq!(settings.get("no such key"), None);
    assert!(!settings.contains("no such key"));

    // Longer than the SDK's first buffer: it asks again with the length that the host told.
    assert_eq!(settings.get("long").map(|value| value.len()), Some(8000));

    let long = settings
        .try_get(&"k".repeat(257))
        .expect_err("the longest key has 256 bytes");
    assert!(matches!(long, LookupError::KeyTooLong), "{long:?}");

    let missing = ConfigStore::try_open("no such store")
        .err()
        .expect("not configured");
    assert!(
        matches!(missing, OpenError::ConfigStoreDoesNotExist),
        "{missing:?}"
    );

    Ok(Response::from_body("found"))
}
