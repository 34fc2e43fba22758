//! Calls the features that a host may lack. The SDK must report an error or nothing, and must not
//! panic. Answers with lines of `feature: outcome`.

use fastly::acl::Acl;
use fastly::cache::{core, simple};
use fastly::{Error, KVStore, Request, Response, SecretStore, device_detection, shielding::Shield};
use std::fmt::Debug;
use std::time::Duration;

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    let lines = [
        outcome(
            "kv_store",
            KVStore::open("store").map(|found| found.is_some()),
        ),
        outcome(
            "secret_store",
            SecretStore::open("secrets").map(|_| "opened"),
        ),
        outcome("acl", Acl::open("blocked").map(|_| "opened")),
        outcome(
            "device_detection",
            Ok::<_, ()>(device_detection::lookup("iPhone").is_some()),
        ),
        outcome(
            "core_cache_lookup",
            core::lookup("key".into())
                .execute()
                .map(|found| found.is_some()),
        ),
        outcome(
            "core_cache_insert",
            core::insert("key".into(), Duration::from_secs(60))
                .execute()
                .map(|_| "inserted"),
        ),
        outcome(
            "simple_cache_get",
            simple::get("key").map(|found| found.is_some()),
        ),
        outcome("shield", Shield::new("bwi-va-us").map(|_| "known")),
    ];
    Ok(Response::from_body(lines.concat()))
}

fn outcome<T: Debug, E: Debug>(feature: &str, result: Result<T, E>) -> String {
    format!("{feature}: {result:?}\n")
}
