//! Origins that fail, and what the guest is told.

use std::time::Duration;

use fastlike_runtime::{Backend, BodyError, Origin, SendError, backend_fn};
use http::Response;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::harness::{Test, answering, channel, closed_port, failing, origin_at, raw_origin};

async fn told(backend: impl Backend) -> String {
    let answer = Test::guest("http_req_send_error")
        .backend("origin", backend)
        .get("/")
        .await;
    answer.ok().to_owned()
}

fn at(url: &str) -> Origin {
    origin_at(url)
}

#[tokio::test]
async fn an_origin_that_refuses_connections() {
    let (address, _closed) = closed_port();
    let url = format!("http://{address}");
    assert_eq!(told(at(&url)).await, "failed to send: ConnectionRefused");
}

#[tokio::test]
async fn an_origin_that_closes_without_an_answer() {
    let url = raw_origin("").await;
    assert_eq!(told(at(&url)).await, "failed to send: ConnectionTerminated");
}

#[tokio::test]
async fn an_origin_that_does_not_speak_http() {
    let url = raw_origin("SSH-2.0-OpenSSH_9.6\r\n\r\n").await;
    assert_eq!(told(at(&url)).await, "failed to send: HttpProtocolError");
}

#[tokio::test]
async fn an_origin_whose_status_makes_no_sense() {
    let url = raw_origin("HTTP/1.1 6000 OK\r\n\r\n").await;
    assert_eq!(
        told(at(&url)).await,
        "failed to send: HttpResponseStatusInvalid"
    );
}

#[tokio::test]
async fn an_origin_whose_head_is_cut_off() {
    let url = raw_origin("HTTP/1.1 200 OK\r\ncontent-le").await;
    assert_eq!(
        told(at(&url)).await,
        "failed to send: HttpIncompleteResponse"
    );
}

#[tokio::test]
async fn an_origin_whose_head_is_too_large() {
    let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    let url = raw_origin(head).await;
    assert_eq!(
        told(at(&url)).await,
        "failed to send: HttpResponseHeaderSectionTooLarge"
    );
}

#[tokio::test]
async fn an_origin_that_never_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let origin = at(&url).first_byte_timeout(Duration::from_millis(50));
    assert_eq!(told(origin).await, "failed to send: HttpResponseTimeout");
}

#[tokio::test]
async fn an_origin_that_ends_the_request_by_http_2() {
    // SETTINGS, and GOAWAY after stream 0 with ENHANCE_YOUR_CALM.
    let mut answer = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
    answer.extend([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11]);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let _origin = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.write_all(&answer).await.expect("a reader");
        // It goes on to read, lest the connection is reset.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    });
    assert_eq!(
        told(at(&url).grpc(true)).await,
        "failed to send: Http2StreamError { frame_type: 7, error_code: 11 }"
    );
}

#[tokio::test]
async fn an_origin_whose_name_nobody_knows() {
    // RFC 6761 section 6.4: no name below `invalid` ever resolves.
    let origin = at("http://origin.invalid").connect_timeout(Duration::from_secs(60));
    assert_eq!(
        told(origin).await,
        "failed to send: DnsError { rcode: None, info_code: None }"
    );
}

#[tokio::test]
async fn an_origin_whose_name_server_does_not_answer() {
    let origin = at("http://origin.example")
        .resolve_with(|_, _| std::future::pending())
        .connect_timeout(Duration::from_millis(50));
    assert_eq!(told(origin).await, "failed to send: DnsTimeout");
}

#[tokio::test]
async fn an_origin_to_which_there_is_no_way() {
    // There are no TCP connections to everybody.
    let told = told(at("http://255.255.255.255")).await;
    assert_eq!(told, "failed to send: DestinationIpUnroutable");
}

#[tokio::test]
async fn an_origin_that_does_not_take_the_connection() {
    let silent = tokio::net::TcpSocket::new_v4().expect("a socket");
    let any = "127.0.0.1:0".parse().expect("an address");
    silent.bind(any).expect("a port");
    // With its queue full, a listener answers nothing at all.
    let silent = silent.listen(0).expect("listening");
    let address = silent.local_addr().expect("bound");
    let _fill = tokio::net::TcpStream::connect(address).await.expect("room");
    let origin = at(&format!("http://{address}")).connect_timeout(Duration::from_millis(50));
    assert_eq!(told(origin).await, "failed to send: ConnectionTimeout");
}

#[tokio::test]
async fn an_origin_that_may_have_one_connection_only() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", silent.local_addr().expect("bound"));
    let origin = at(&url).max_connections(1);
    let origin = std::sync::Arc::new(origin.connect_timeout(Duration::from_secs(1)));
    let first = tokio::spawn(told(std::sync::Arc::clone(&origin)));
    let _held = silent.accept().await.expect("the first request");
    assert_eq!(told(origin).await, "failed to send: ConnectionLimitReached");
    first.abort();
}

#[tokio::test]
async fn an_origin_whose_body_is_cut_off() {
    let url = raw_origin("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this").await;
    let told = told(at(&url)).await;
    assert!(
        told.starts_with("failed to read: ") && told.ends_with(" after 9 bytes"),
        "{told}"
    );
}

#[tokio::test]
async fn an_origin_that_stops_within_its_body() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this";
    let _origin = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.write_all(begun).await.expect("written");
        std::future::pending::<()>().await;
    });
    let told = told(at(&url).between_bytes_timeout(Duration::from_millis(50))).await;
    assert!(
        told.starts_with("failed to read: ") && told.ends_with(" after 9 bytes"),
        "{told}"
    );
}

#[tokio::test]
async fn an_origin_whose_chunks_have_no_end() {
    let url = raw_origin("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
    let told = told(at(&url)).await;
    assert!(
        told.starts_with("failed to read: ") && told.ends_with(" after 3 bytes"),
        "{told}"
    );
}

#[tokio::test]
async fn an_origin_in_this_process_that_fails_while_it_sends() {
    let origin = answering(|_| {
        let (sender, body) = channel();
        sender.send("some");
        sender.fail(BodyError::Incomplete);
        Response::new(body)
    });
    let told = told(origin).await;
    assert!(
        told.starts_with("failed to read: ") && told.ends_with(" after 4 bytes"),
        "{told}"
    );
}

#[tokio::test]
async fn every_fault_has_the_name_that_the_sdk_gives_it() {
    let dns = |rcode| SendError::Dns {
        rcode,
        message: String::new(),
    };
    let alert = SendError::TlsAlert {
        id: 40,
        name: "handshake failure".into(),
    };
    let http2 = SendError::Http2 {
        frame: 3,
        code: 11,
        message: String::new(),
    };
    let address = "192.0.2.1:80".parse().expect("an address");
    let text = String::new;
    let zero = Duration::ZERO;
    let cases = [
        (SendError::DnsTimeout, "DnsTimeout"),
        (dns(None), "DnsError { rcode: None, info_code: None }"),
        (dns(Some(3)), "DnsError { rcode: Some(3), info_code: None }"),
        (SendError::Unavailable, "DestinationUnavailable"),
        (SendError::Unroutable(text()), "DestinationIpUnroutable"),
        (SendError::Refused(address), "ConnectionRefused"),
        (SendError::Terminated, "ConnectionTerminated"),
        (SendError::ConnectTimeout(zero), "ConnectionTimeout"),
        (SendError::ConnectionLimit, "ConnectionLimitReached"),
        (SendError::TlsCertificate(text()), "TlsCertificateError"),
        (SendError::TlsConfiguration(text()), "TlsConfigurationError"),
        (alert, "TlsAlertReceived { alert_id: Some(40) }"),
        (SendError::TlsProtocol(text()), "TlsProtocolError"),
        (SendError::Incomplete, "HttpIncompleteResponse"),
        (SendError::HeadTooLarge, "HttpResponseHeaderSectionTooLarge"),
        (SendError::ResponseTimeout(zero), "HttpResponseTimeout"),
        (http2, "Http2StreamError { frame_type: 3, error_code: 11 }"),
        (SendError::InvalidStatus, "HttpResponseStatusInvalid"),
        (SendError::Protocol(text()), "HttpProtocolError"),
        (SendError::InvalidUri(text()), "HttpRequestUriInvalid"),
        (
            SendError::RequestBody(text()),
            "InternalError(Some(FastlyStatus::ERROR))",
        ),
        (
            SendError::Internal(text()),
            "InternalError(Some(FastlyStatus::ERROR))",
        ),
    ];
    for (error, expected) in cases {
        let told = told(failing(error.clone())).await;
        assert_eq!(told, format!("failed to send: {expected}"), "{error:?}");
    }
}

#[tokio::test]
async fn a_closure_that_fails_is_an_internal_error() {
    let origin = backend_fn(|_| async { Err::<Response<()>, _>("out of order") });
    assert_eq!(
        told(origin).await,
        "failed to send: InternalError(Some(FastlyStatus::ERROR))"
    );
}
