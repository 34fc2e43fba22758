//! Every option of a dynamic backend, set by a guest.

use std::net::SocketAddr;

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::harness::tls::origin_acceptor;
use crate::harness::{Answer, Running, Test, raw_origin, request};

/// Does what the lines say with a backend that has these options.
async fn with(options: &str, lines: &str) -> Answer {
    ask(
        &Test::guest("backend_options").start().await,
        options,
        lines,
    )
    .await
}

async fn ask(guest: &Running, options: &str, lines: &str) -> Answer {
    let target = format!("/?{options}");
    guest.send(request("POST", &target, lines.to_owned())).await
}

async fn refused(options: &str) -> String {
    let answer = with(options, "").await;
    assert_eq!(answer.status, StatusCode::NOT_IMPLEMENTED, "{options}");
    answer.text().to_owned()
}

#[tokio::test]
async fn what_was_set_is_read_back() {
    let options = "target=api.example:8443&host=www.example&connect=1500&first=20000\
        &between=30000&keepalive=55000&tcp_interval=2&tcp_probes=4&tcp_time=3\
        &min=2&max=3&cert=cert.example&sni=sni.example&ciphers=ECDHE-RSA-AES128-GCM-SHA256\
        &connections=5&use=6&lifetime=7000&ipv6=0&pool=0&grpc=1";
    let expected = "\
exists: true
is_dynamic: true
host: \"api.example\"
host_override: Some(\"www.example\")
port: 8443
connect_timeout: 1.5s
first_byte_timeout: 20s
between_bytes_timeout: 30s
http_keepalive_time: 55s
tcp_keepalive_enable: true
tcp_keepalive_interval: 2s
tcp_keepalive_probes: 4
tcp_keepalive_time: 3s
is_ssl: true
ssl_min_version: Some(TLS1_2)
ssl_max_version: Some(TLS1_3)
";
    assert_eq!(with(options, "ask").await.ok(), expected);
}

#[tokio::test]
async fn what_was_not_set_has_the_platforms_defaults() {
    let answer = with("target=192.0.2.1", "ask").await;
    for (name, expected) in [
        ("host", "\"192.0.2.1\""),
        ("host_override", "None"),
        ("port", "80"),
        ("connect_timeout", "1s"),
        ("first_byte_timeout", "15s"),
        ("between_bytes_timeout", "10s"),
        ("http_keepalive_time", "60s"),
        ("tcp_keepalive_enable", "false"),
        ("is_ssl", "false"),
        ("ssl_min_version", "None"),
    ] {
        assert_eq!(answer.line(name), expected, "{name}");
    }
}

#[tokio::test]
async fn what_cannot_work_is_refused() {
    let invalid = "HostError(FastlyStatus::INVAL)";
    for options in [
        "target=",
        "target=http://a.example",
        "target=a.example/path",
        "target=a.example:0",
        "target=a.example&host=",
        "target=a.example&host=not%20a%20host",
        "target=a.example&cert=",
        "target=a.example&cert=not%20a%20name",
        "target=a.example&sni=not%20a%20name",
        // TLS 1.1 is the highest, and 1.2 the lowest there is.
        "target=a.example&min=0&max=1",
        "target=a.example&min=3&max=2",
        // No such suite, and 1.3 is not allowed.
        "target=a.example&ciphers=AES128-SHA&max=2",
    ] {
        assert_eq!(refused(options).await, invalid, "{options}");
    }
    // With TLS 1.3, which the list is not about, something is left.
    with("target=a.example&ciphers=AES128-SHA", "").await.ok();
    // Neither the certificate nor its key is one.
    assert_eq!(refused("target=a.example&secret=key").await, invalid);
}

#[tokio::test]
async fn times_and_hosts_are_applied() {
    let url = raw_origin("").await;
    let target = url.trim_start_matches("http://");
    let told = with(&format!("target={target}"), "send /").await;
    assert!(
        told.ok().contains("ConnectionTerminated"),
        "{}",
        told.text()
    );

    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let target = silent.local_addr().expect("bound");
    let told = with(&format!("target={target}&first=50"), "send /").await;
    assert!(told.ok().contains("HttpResponseTimeout"), "{}", told.text());
}

#[tokio::test]
async fn the_connection_limit_is_applied() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let target = silent.local_addr().expect("bound");
    let guest = Test::guest("backend_options").start().await;
    let options = format!("target={target}&connections=1&connect=50");
    let first = {
        let (guest, options) = (guest.clone(), options.clone());
        tokio::spawn(async move { ask(&guest, &options, "send /").await })
    };
    let (_held, _) = silent.accept().await.expect("the first request");
    let told = ask(&guest, &options, "send /").await;
    assert!(
        told.ok().contains("ConnectionLimitReached"),
        "{}",
        told.text()
    );
    first.abort();
}

#[tokio::test]
async fn grpc_is_http_2_also_without_tls() {
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let target = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = service_fn(|request: http::Request<hyper::body::Incoming>| async move {
                let told = format!("{:?} {}", request.version(), request.uri());
                Ok::<_, std::convert::Infallible>(http::Response::new(told))
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), answer));
        }
    });
    let told = with(&format!("target={target}&grpc=1"), "send /a?b").await;
    let expected = "HTTP/2.0 200 OK: HTTP/2.0 http://guest.example/a?b\n";
    assert_eq!(told.ok(), expected);
}

#[tokio::test]
async fn an_unhealthy_backend_is_sent_nothing() {
    let url = raw_origin("HTTP/1.1 503 Down\r\ncontent-length: 0\r\n\r\n").await;
    let target = url.trim_start_matches("http://");
    let options = format!("target={target}&check=/health");
    let told = with(&options, "health\nsend /").await;
    let expected = "health: Unhealthy\nfailed: DestinationUnavailable\n";
    assert_eq!(told.ok(), expected);
}

/// An authority, and a server with a certificate of it for `origin.example`
/// that answers with the SNI, the TLS version and the suite.
async fn tls_server() -> (SocketAddr, String) {
    let (acceptor, authority) = origin_acceptor("origin.example");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(tell(acceptor.clone(), stream));
        }
    });
    (address, authority)
}

async fn tell(acceptor: TlsAcceptor, stream: TcpStream) {
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    let connection = stream.get_ref().1;
    let told = format!(
        "{} {:?} {:?}",
        connection.server_name().unwrap_or("-"),
        connection.protocol_version().expect("connected"),
        connection.negotiated_cipher_suite().expect("one").suite(),
    );
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{told}",
        told.len()
    );
    while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
        drop(stream.write_all(answer.as_bytes()).await);
    }
}

#[tokio::test]
async fn tls_is_spoken_as_the_options_say() {
    let (address, authority) = tls_server().await;
    let guest = Test::guest("backend_options").start().await;
    let authority = authority.replace('\n', "|");
    for (options, expected) in [
        // The certificate's name is not looked at unless that is asked for.
        ("", "HTTP/1.1 200 OK: - TLSv1_3"),
        ("&sni=sni.example", "HTTP/1.1 200 OK: sni.example TLSv1_3"),
        (
            "&cert=origin.example",
            "HTTP/1.1 200 OK: origin.example TLSv1_3",
        ),
        ("&cert=origin.example&sni=", "HTTP/1.1 200 OK: - TLSv1_3"),
        (
            "&cert=origin.example&sni=sni.example",
            "HTTP/1.1 200 OK: sni.example",
        ),
        ("&cert=other.example", "failed: TlsCertificateError"),
        (
            "&max=2&ciphers=ECDHE-ECDSA-CHACHA20-POLY1305:AES128-SHA",
            "HTTP/1.1 200 OK: - TLSv1_2 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        ),
        // The server's key is ECDSA.
        (
            "&max=2&ciphers=aRSA",
            "failed: TlsAlertReceived { alert_id: Some(40) }",
        ),
    ] {
        let target = format!("/?target={address}&connect=60000&tls{options}");
        let mut request = request("POST", &target, "send /");
        let pem = authority.parse().expect("a value");
        request.headers_mut().insert("x-ca", pem);
        let answer = guest.send(request).await;
        assert!(
            answer.ok().starts_with(expected),
            "{options}: {}",
            answer.text()
        );
    }
    // Without the authority's certificate nobody is trusted.
    let told = ask(
        &guest,
        &format!("target={address}&connect=60000&tls"),
        "send /",
    )
    .await;
    assert!(told.ok().contains("failed: Tls"), "{}", told.text());
}
