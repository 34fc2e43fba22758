//! The record of a dynamic backend as guests of all ages pass it.

use crate::harness::{Test, script};

async fn runs(lines: &str) {
    assert_eq!(Test::wat(script(lines)).get("/").await.ok(), "");
}

#[tokio::test]
async fn without_options_the_record_is_not_read() {
    // 4294967295 is no place at all.
    runs(
        "http_req.register_dynamic_backend 'made' 'a.example' 0 4294967295
        backend.exists 'made' 8
        @8 == 1
        backend.is_dynamic 'made' 8
        @8 == 1
        backend.get_port 'made' 8
        @8 == 80
        http_req.register_dynamic_backend 'made' 'a.example' 0 0",
    )
    .await;
}

#[tokio::test]
async fn only_the_fields_of_options_that_are_set_are_read() {
    // A record of 60 bytes at the very end of the memory's first page has no
    // field beyond; connect_timeout_ms is at 8, and 0 there.
    runs(
        "http_req.register_dynamic_backend 'made' 'a.example' 4 65476
        backend.get_connect_timeout_ms 'made' 8
        @8 == 0",
    )
    .await;
}

#[tokio::test]
async fn reserved_and_undefined_options_are_refused() {
    runs(
        "2: http_req.register_dynamic_backend 'a' 'a.example' 1 1024
        2: http_req.register_dynamic_backend 'b' 'a.example' 524288 1024
        2: http_req.register_dynamic_backend 'c' 'a.example' 2147483648 1024
        backend.exists 'a' 8
        @8 == 0",
    )
    .await;
}

#[tokio::test]
async fn names_have_one_to_255_bytes_and_a_meaning() {
    let long = "x".repeat(255);
    runs(&format!(
        "2: http_req.register_dynamic_backend '' 'a.example' 0 0
        http_req.register_dynamic_backend '{long}' 'a.example' 0 0
        2: http_req.register_dynamic_backend 'x{long}' 'a.example' 0 0
        1: http_req.register_dynamic_backend 'geolocation' 'a.example' 0 0
        http_req.register_dynamic_backend 'one' 'a.example' 0 0
        1: http_req.register_dynamic_backend 'one' 'b.example' 0 0
        http_req.register_dynamic_backend 'two' 'b.example' 0 0"
    ))
    .await;
}

#[tokio::test]
async fn wrong_places_and_keys_are_statuses() {
    // host_override, ca_cert, client_cert, and the pointer to a health check
    // in a record of zeros: empty texts, a handle that names no secret, NULL.
    runs(
        "2: http_req.register_dynamic_backend 'a' 'a.example' 2 1024
        2: http_req.register_dynamic_backend 'b' 'a.example' 512 1024
        2: http_req.register_dynamic_backend 'c' 'a.example' 8192 1024
        2: http_req.register_dynamic_backend 'd' 'a.example' 262144 1024
        2: http_req.register_dynamic_backend 'e' 'a.example' 2 4294967295",
    )
    .await;
}
