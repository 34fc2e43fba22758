//! Log endpoints.

use http::StatusCode;

use crate::harness::{Logs, Test, client, get, guest_file, request, script};

#[tokio::test]
async fn each_write_is_one_message_as_the_guest_wrote_it() {
    let service = Test::guest("log_endpoint").start().await;
    assert_eq!(
        service.send(request("PUT", "/here", "")).await.ok(),
        "logged"
    );
    let logged = service.seen.logged();
    let expected: [(&str, &[u8]); 3] = [
        ("events", b"PUT /here"),
        ("events", b"two\nlines"),
        ("other", b"not UTF-8: \xff\xfe"),
    ];
    let expected: Vec<(String, Vec<u8>)> = expected
        .map(|(name, line)| (name.to_owned(), line.to_vec()))
        .to_vec();
    assert_eq!(logged, expected);
}

#[tokio::test]
async fn a_panic_goes_to_the_endpoint_that_the_guest_chose() {
    let service = Test::guest("log_endpoint").start().await;
    assert_eq!(
        service.get("/panic").await.status,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    let (endpoint, line) = service.seen.logged().pop().expect("the panic");
    let line = String::from_utf8_lossy(&line);
    assert_eq!(endpoint, "panics");
    assert!(line.contains("asked for a panic"), "{line}");
}

#[tokio::test]
async fn without_a_sink_messages_go_to_the_runtimes_own_log() {
    let logs = Logs::capture();
    let service = fastlike_runtime::Fastlike::builder(guest_file("log_endpoint").as_path())
        .build()
        .await
        .expect("built");
    assert_eq!(
        service.handle(get("/here"), &client()).await.status(),
        StatusCode::OK
    );
    assert_eq!(
        logs.with("GET /here"),
        ["INFO GET /here endpoint=\"events\""]
    );
}

#[tokio::test]
async fn names_are_bounded_and_handles_checked() {
    let guest = script(
        "13: log.endpoint_get 0 256 8
        log.endpoint_get 32 255 8
        2: log.endpoint_get 'StdOut' 8
        3: log.write 99 'lost' 16
        log.write *8 '' 16",
    );
    assert_eq!(Test::wat(guest).get("/").await.ok(), "");
}
