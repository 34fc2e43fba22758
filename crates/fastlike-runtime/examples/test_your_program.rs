//! Tests a Compute program: its origin is a closure, and requests are values.
//!
//! ```sh
//! cargo run --example test_your_program -- app.wasm
//! ```
//!
//! In a test of your own, the same lines stand in a `#[tokio::test]`.

use fastlike_runtime::{Body, ConnInfo, Fastlike, backend_fn};
use http_body_util::BodyExt;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let guest = std::env::args().nth(1);
    let guest = guest.unwrap_or_else(|| "app.wasm".to_owned());
    let program = Fastlike::builder(guest.as_str())
        .backend(
            "origin",
            backend_fn(|request| async move {
                assert_eq!(request.uri().path(), "/page");
                http::Response::new("what the origin says")
            }),
        )
        .config_store("settings", [("greeting", "hello")])
        .log_sink(|endpoint: &str, line: &[u8]| {
            assert_ne!(endpoint, "errors", "{}", String::from_utf8_lossy(line));
        })
        .build()
        .await?;

    let request = http::Request::get("http://www.example/page").body(Body::empty())?;
    let response = program.handle(request, &ConnInfo::default()).await;
    assert_eq!(response.status(), 200);
    let body = response.into_body().collect().await?.to_bytes();
    assert_eq!(body, "what the origin says");
    Ok(())
}
