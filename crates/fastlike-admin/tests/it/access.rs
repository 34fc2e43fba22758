//! Who may ask.

use fastlike_admin::{Admin, AdminError, Token};
use tokio::net::TcpListener;

use crate::harness::{TOKEN, serve, silent};

#[tokio::test]
async fn the_api_is_for_those_who_know_the_token() {
    let served = serve(silent()).await;
    let host = format!("host: {}", served.address);
    for line in [
        "GET /resources/stores/kv",
        "POST /resources/stores/kv",
        "PUT /resources/stores/kv/s/keys/k",
        "GET /resources/stores/config/s/items",
        "POST /service/s/purge/k",
        "GET /nothing",
    ] {
        let missing = served.bare(line, &[&host], b"").await;
        assert_eq!(missing.status, 401, "{line}");
        let problem = missing.json();
        assert_eq!(
            problem["msg"],
            "Provided credentials are missing or invalid"
        );
        let wrong = ["Fastly-Key: the-token-of-these-test"];
        let wrong = served.bare(line, &[&host, wrong[0]], b"").await;
        assert_eq!(wrong.status, 401, "{line}");
    }
    assert_eq!(served.get("/resources/stores/kv").await.status, 200);
    let bearer = format!("authorization: Bearer {TOKEN}");
    let answered = served
        .bare("GET /resources/stores/kv", &[&host, &bearer], b"")
        .await;
    assert_eq!(answered.status, 200);
}

#[tokio::test]
async fn a_name_that_somebody_else_gave_this_address_is_refused() {
    let served = serve(silent()).await;
    let token = format!("fastly-key: {TOKEN}");
    let port = served.address.port();
    for path in ["/resources/stores/kv", "/metrics", "/healthz"] {
        for host in ["rebound.example", "127.0.0.1.rebound.example"] {
            let host = format!("host: {host}:{port}");
            let answered = served
                .bare(&format!("GET {path}"), &[&host, &token], b"")
                .await;
            assert_eq!(answered.status, 403, "{path} {host}");
            let detail = answered.json()["detail"].to_string();
            assert!(detail.contains("rebound.example"), "{detail}");
        }
        let host = format!("host: localhost:{port}");
        let answered = served
            .bare(&format!("GET {path}"), &[&host, &token], b"")
            .await;
        assert_eq!(answered.status, 200, "{path}");
    }
}

#[tokio::test]
async fn other_web_pages_are_refused_and_told_nothing_about_sharing() {
    let served = serve(silent()).await;
    let page = ["origin: http://evil.example"];
    let answered = served.send("GET /resources/stores/kv", &page, b"").await;
    assert_eq!(answered.status, 403);
    assert!(
        !answered.head.contains("access-control"),
        "{}",
        answered.head
    );
    // What a browser asks before it sends a Fastly-Key for a page.
    let ask = [
        "origin: http://evil.example",
        "access-control-request-method: PUT",
        "access-control-request-headers: fastly-key",
    ];
    let answered = served
        .send("OPTIONS /resources/stores/kv/s/keys/k", &ask, b"")
        .await;
    assert_eq!(answered.status, 403);
    assert!(
        !answered.head.contains("access-control"),
        "{}",
        answered.head
    );
    let own = format!("origin: http://{}", served.address);
    let answered = served.send("GET /resources/stores/kv", &[&own], b"").await;
    assert_eq!(answered.status, 200);
    assert!(
        !answered.head.contains("access-control"),
        "{}",
        answered.head
    );
}

#[tokio::test]
async fn an_address_that_others_can_reach_must_be_allowed() {
    let current = silent().build().await.expect("a service");
    let admin = Admin::new(current, Token::random());
    let public = TcpListener::bind("0.0.0.0:0").await.expect("a port");
    let address = public.local_addr().expect("an address");
    let refused = admin.serve(public, std::future::ready(())).await;
    assert!(matches!(refused, Err(AdminError::NotLoopback(at)) if at == address));
    let public = TcpListener::bind("0.0.0.0:0").await.expect("a port");
    let allowed = admin
        .remote(true)
        .serve(public, std::future::ready(()))
        .await;
    allowed.expect("allowed");
}

#[tokio::test]
async fn where_others_can_connect_metrics_need_the_token_too() {
    let current = silent().build().await.expect("a service");
    let admin = Admin::new(current.clone(), Token::new(TOKEN).expect("a token")).remote(true);
    let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move { admin.serve(listener, std::future::pending()).await });
    let mut served = serve(silent()).await;
    served.address.set_port(port);
    let host = format!("host: 127.0.0.1:{port}");
    let token = format!("fastly-key: {TOKEN}");
    assert_eq!(served.bare("GET /healthz", &[&host], b"").await.status, 200);
    assert_eq!(served.bare("GET /metrics", &[&host], b"").await.status, 401);
    let answered = served.bare("GET /metrics", &[&host, &token], b"").await;
    assert_eq!(answered.status, 200);
}
