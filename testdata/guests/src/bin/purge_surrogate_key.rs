//! Purges keys, hard and soft; keys that cannot be are refused.

use fastly::http::purge::{purge_surrogate_key, soft_purge_surrogate_key};
use fastly::{Error, Request, Response};

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    purge_surrogate_key("news")?;
    soft_purge_surrogate_key("news/2026")?;
    purge_surrogate_key(&"k".repeat(1_024))?;
    for wrong in ["", "two keys", "caf\u{e9}", &"k".repeat(1_025)] {
        let refused = purge_surrogate_key(wrong);
        assert!(refused.is_err(), "{wrong:?}");
    }
    Ok(Response::from_body("purged"))
}
