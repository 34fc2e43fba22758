//! Origins behind TLS.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::tls::origin_acceptor;
use crate::harness::{Test, origin_at};

/// An origin for `localhost` that says hello, and the PEM of its authority.
async fn hello_over_tls() -> (String, String) {
    let (acceptor, authority) = origin_acceptor("localhost");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
                drop(stream.read(&mut [0; 4096]).await);
                drop(stream.write_all(answer).await);
            }
        }
    });
    (format!("https://localhost:{port}"), authority)
}

#[tokio::test]
async fn a_guest_talks_to_an_origin_whose_certificate_is_trusted() {
    let (url, authority) = hello_over_tls().await;
    let origin = origin_at(&url).ca_certificates(authority);
    let test = Test::guest("proxy").backend("origin", origin.expect("valid"));
    assert_eq!(test.get("/").await.ok(), "hello");
}

#[tokio::test]
async fn a_guest_is_told_that_a_certificate_is_not_trusted() {
    let (url, _) = hello_over_tls().await;
    let origin = origin_at(&url);
    let answer = Test::guest("http_req_send_error")
        .backend("origin", origin)
        .get("/")
        .await;
    assert_eq!(answer.ok(), "failed to send: TlsCertificateError");
}

#[tokio::test]
async fn a_guest_is_told_that_the_origin_speaks_no_tls() {
    let url = crate::harness::raw_origin("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let origin = origin_at(&url.replace("http://", "https://"));
    let answer = Test::guest("http_req_send_error")
        .backend("origin", origin)
        .get("/")
        .await;
    assert_eq!(answer.ok(), "failed to send: TlsProtocolError");
}
