//! Whether the process is up, and whether it can take requests.

use fastlike_runtime::Current;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::harness::{serve, silent};

#[tokio::test]
async fn health_and_readiness_are_told_to_everybody_on_the_machine() {
    let served = serve(silent()).await;
    let host = format!("host: {}", served.address);
    let health = served.bare("GET /healthz", &[&host], b"").await;
    assert_eq!((health.status, health.text().as_str()), (200, "ok\n"));
    let ready = served.bare("GET /readyz", &[&host], b"").await;
    assert_eq!((ready.status, ready.text().as_str()), (200, "ready\n"));
    let head = served.bare("HEAD /readyz", &[&host], b"").await;
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, Some("6"))
    );
    assert!(head.body.is_empty());
    let wrong = served.bare("POST /healthz", &[&host], b"").await;
    assert_eq!(
        (wrong.status, wrong.header("allow")),
        (405, Some("get, head"))
    );
}

#[tokio::test]
async fn a_service_that_drains_is_up_and_not_ready() {
    let (release, held) = oneshot::channel::<()>();
    let held = std::sync::Arc::new(tokio::sync::Mutex::new(Some(held)));
    let guest = crate::harness::guest("proxy").backend(
        "origin",
        fastlike_runtime::backend_fn(move |_| {
            let held = std::sync::Arc::clone(&held);
            async move {
                if let Some(held) = held.lock().await.take() {
                    drop(held.await);
                }
                http::Response::new("late")
            }
        }),
    );
    let served = serve(guest).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let current: Current = served.current.clone();
    let serving = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        current.serve(listener, stopped).await
    });
    // A request that holds the drain up.
    let client = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(address)
            .await
            .expect("connected");
        let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    });
    while served.current.get().occupancy().sandboxes == 0 {
        tokio::task::yield_now().await;
    }
    stop.send(()).expect("it serves");
    while !served.current.get().occupancy().draining {
        tokio::task::yield_now().await;
    }
    let ready = served.get("/readyz").await;
    assert_eq!((ready.status, ready.text().as_str()), (503, "draining\n"));
    assert_eq!(served.get("/healthz").await.status, 200);
    let page = served.get("/metrics").await.text();
    assert!(page.contains("\nfastlike_draining 1\n"), "{page}");
    release.send(()).expect("it waits");
    assert!(client.await.expect("a client").ends_with("late"));
    serving.await.expect("a task").expect("it ended well");
}
