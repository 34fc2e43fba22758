//! What clients cannot do.

use serde_json::json;

use crate::harness::{TOKEN, serve, silent};

#[tokio::test]
async fn a_value_has_at_most_25_mib() {
    let served = serve(silent()).await;
    served
        .json("POST /resources/stores/kv", json!({ "name": "s" }))
        .await;
    let put = "PUT /resources/stores/kv/s/keys/k";
    let most = vec![b'x'; 25 * 1024 * 1024];
    assert_eq!(served.send(put, &[], &most).await.status, 200);
    let read = served.get("/resources/stores/kv/s/keys/k").await;
    assert_eq!(read.body.len(), most.len());
    // Its length is known before: it is not even sent.
    let head = format!(
        "{put} HTTP/1.1\r\nhost: localhost\r\nfastly-key: {TOKEN}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        most.len() + 1
    );
    let refused = served.raw(head.as_bytes()).await;
    assert_eq!(refused.status, 413);
}

#[tokio::test]
async fn a_head_has_a_size_and_a_number_of_lines() {
    let served = serve(silent()).await;
    for (length, status) in [(32_000, 200), (33_000, 431), (40_000, 431), (65_536, 431)] {
        let long = format!("x: {}", "y".repeat(length));
        let answered = served.send("GET /healthz", &[&long], b"").await;
        assert_eq!(answered.status, status, "{length}");
    }
    let many = vec!["x: y"; 101];
    assert_eq!(served.send("GET /healthz", &many, b"").await.status, 431);
    assert_eq!(
        served.send("GET /healthz", &many[..90], b"").await.status,
        200
    );
}
