//! Clients over TLS: what is spoken, and what guests know of it.

use std::time::Duration;

use fastlike_runtime::{ServeOptions, TlsError, TlsListener};
use rcgen::date_time_ymd;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::tls::{Authority, Client, Identity, identity};
use crate::harness::{H2, Logs, Running, Server, Test, soon};

fn listener(identity: &Identity) -> TlsListener {
    TlsListener::from_pem(identity.certificate.as_str(), identity.key.as_str()).expect("valid")
}

async fn serve(service: &Running, tls: &TlsListener) -> Server {
    service
        .serve_with(ServeOptions::new().tls(tls.clone()))
        .await
}

async fn metadata() -> Running {
    Test::guest("http_downstream_metadata").start().await
}

/// What a guest says over HTTP/1.1 of this client.
async fn seen(client: Client<'_>, server: &Server) -> String {
    let mut stream = client.connect(server).await;
    let request = b"GET / HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.expect("sent");
    let mut answer = String::new();
    // Some servers end without a goodbye.
    drop(soon("an answer", stream.read_to_string(&mut answer)).await);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    answer
}

fn line<'a>(answer: &'a str, name: &str) -> &'a str {
    let prefix = format!("{name}: ");
    let found = answer.lines().find_map(|line| line.strip_prefix(&prefix));
    found.unwrap_or_else(|| panic!("no {name} in {answer}"))
}

#[tokio::test]
async fn a_guest_knows_the_tls_of_its_client() {
    let server = serve(&metadata().await, &listener(&identity())).await;
    let newest = seen(Client::default(), &server).await;
    assert_eq!(line(&newest, "tls_protocol"), "Some(\"TLSv1.3\")");
    assert!(
        line(&newest, "tls_cipher").starts_with("Some(\"TLS_"),
        "{newest}"
    );
    assert_eq!(line(&newest, "tls_servername"), "Some(\"a.example\")");
    // A handshake message of kind 1.
    assert!(
        line(&newest, "tls_client_hello").starts_with("Some([1, 0, "),
        "{newest}"
    );
    assert!(
        line(&newest, "tls_ja4").starts_with("Some(\"t13d"),
        "{newest}"
    );
    assert_eq!(line(&newest, "tls_ja3").split(", ").count(), 16);
    assert_eq!(line(&newest, "tls_client_certificate"), "None");
    // As on the platform where no certificate is asked for.
    assert_eq!(line(&newest, "tls_certificate_verified"), "Some(Ok)");
    let older = Client {
        versions: Some(&[&rustls::version::TLS12]),
        alpn: &[b"http/1.1"],
        ..Client::default()
    };
    let older = seen(older, &server).await;
    assert_eq!(line(&older, "tls_protocol"), "Some(\"TLSv1.2\")");
    assert!(
        line(&older, "tls_cipher").starts_with("Some(\"ECDHE-ECDSA-"),
        "{older}"
    );
    let ja4 = line(&older, "tls_ja4");
    assert!(
        ja4.starts_with("Some(\"t12d") && ja4.contains("h1_"),
        "{older}"
    );
}

#[tokio::test]
async fn a_request_over_tls_is_secure() {
    let service = Test::guest("http_req_reading").start().await;
    let server = serve(&service, &listener(&identity())).await;
    let answer = seen(Client::default(), &server).await;
    assert!(
        answer.contains("\"url\":\"https://a.example/\""),
        "{answer}"
    );
    assert!(answer.contains("\"fastly-ssl\":[\"1\"]"), "{answer}");
}

#[tokio::test]
async fn clients_choose_their_version_of_http() {
    let service = Test::guest("hello").start().await;
    let server = serve(&service, &listener(&identity())).await;
    let client = Client {
        alpn: &[b"h2", b"http/1.1"],
        ..Client::default()
    };
    let stream = client.connect(&server).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(
        H2::over(stream).await.get("https://a.example/").await.1,
        "hello"
    );
    let client = Client {
        alpn: &[b"http/1.1"],
        ..Client::default()
    };
    assert!(seen(client, &server).await.ends_with("hello"));
    let client = Client {
        alpn: &[b"of-another-world"],
        ..Client::default()
    };
    let stream = TcpStream::connect(server.address).await.expect("listening");
    assert!(client.over(stream).await.is_err());
}

#[tokio::test]
async fn a_client_certificate_is_told_with_what_it_is_worth() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("theirs"));
    let impostor = Authority::new("ours");
    let tls = listener(&identity());
    let tls = tls.with_client_ca_pem(authority.pem()).expect("valid");
    let server = serve(&metadata().await, &tls).await;
    let verified = async |identity: Option<&Identity>| {
        let client = Client {
            identity,
            ..Client::default()
        };
        let answer = seen(client, &server).await;
        let certificate = line(&answer, "tls_client_certificate").to_owned();
        (
            line(&answer, "tls_certificate_verified").to_owned(),
            certificate,
        )
    };
    let (result, none) = verified(None).await;
    assert_eq!(
        (result.as_str(), none.as_str()),
        ("Some(CertificateMissing)", "None")
    );
    let good = authority.signs(|_| {});
    let (result, pem) = verified(Some(&good)).await;
    assert_eq!(result, "Some(Ok)");
    let expected = format!("Some({:?})", good.certificate.replace("\r\n", "\n"));
    assert_eq!(pem, expected);
    let unknown = stranger.signs(|_| {});
    assert_eq!(verified(Some(&unknown)).await.0, "Some(UnknownCa)");
    let forged = impostor.signs(|_| {});
    assert_eq!(verified(Some(&forged)).await.0, "Some(BadCertificate)");
    let expired = authority.signs(|params| params.not_after = date_time_ymd(2001, 1, 1));
    assert_eq!(verified(Some(&expired)).await.0, "Some(CertificateExpired)");
}

#[tokio::test]
async fn a_new_certificate_is_taken_and_a_broken_one_is_not() {
    let logs = Logs::capture();
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    let write = |identity: &Identity| {
        std::fs::write(&certificate, &identity.certificate).expect("written");
        std::fs::write(&key, &identity.key).expect("written");
    };
    let (first, second) = (identity(), identity());
    write(&first);
    let tls = TlsListener::from_files(&certificate, &key).expect("valid");
    let server = serve(&Test::guest("hello").start().await, &tls).await;
    let shown = async || {
        let stream = Client::default().connect(&server).await;
        stream.get_ref().1.peer_certificates().expect("one")[0].to_vec()
    };
    let before = shown().await;
    std::fs::write(&certificate, "broken").expect("written");
    tls.refresh();
    tls.refresh();
    assert_eq!(shown().await, before);
    assert_eq!(logs.with("the old one stays in use").len(), 1);
    write(&second);
    tls.refresh();
    assert_ne!(shown().await, before);
}

#[tokio::test]
async fn what_cannot_be_used_is_said_with_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let (one, other) = (identity(), identity());
    let certificate = file("cert.pem", &one.certificate);
    let key = file("key.pem", &one.key);
    let message = |result: Result<TlsListener, TlsError>| {
        let error = result.expect_err("not usable");
        assert!(!error.mend().is_empty());
        error.to_string()
    };
    let missing = folder.path().join("missing.pem");
    let said = message(TlsListener::from_files(&missing, &key));
    assert!(
        said.starts_with("cannot read ") && said.ends_with("missing.pem"),
        "{said}"
    );
    let said = message(TlsListener::from_files(&key, &key));
    assert!(
        said.ends_with("key.pem: holds no certificate in PEM form"),
        "{said}"
    );
    let said = message(TlsListener::from_files(&certificate, &certificate));
    assert!(
        said.ends_with("cert.pem: holds no private key in PEM form"),
        "{said}"
    );
    let wrong = file("other.pem", &other.key);
    let said = message(TlsListener::from_files(&certificate, &wrong));
    assert!(
        said.ends_with("other.pem: is not the key of the certificate"),
        "{said}"
    );
    let tls = TlsListener::from_files(&certificate, &key).expect("valid");
    let said = message(tls.with_client_ca_file(&key));
    assert!(
        said.ends_with("key.pem: holds no certificate in PEM form"),
        "{said}"
    );
}

#[tokio::test]
async fn a_client_that_does_not_shake_hands_is_hung_up_on_and_holds_up_nobody() {
    let test = Test::guest("hello");
    let test = test.limits(|limits| limits.handshake_timeout = Duration::from_millis(500));
    let server = serve(&test.start().await, &listener(&identity())).await;
    let mut silent = server.connect().await;
    silent.write([22, 3, 1]).await;
    assert_eq!(silent.read_to_end().await, "");
    let mut clear = server.connect().await;
    clear.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let answer = clear.read_to_end().await;
    assert!(!answer.contains("HTTP"), "{answer}");
}

#[tokio::test]
async fn a_client_that_reads_nothing_over_tls_is_hung_up_on() {
    let test = Test::guest("http_body_large");
    let test = test.limits(|limits| limits.client_idle_timeout = Duration::from_millis(500));
    let service = test.start().await;
    let server = serve(&service, &listener(&identity())).await;
    let mut stream = Client::default().connect(&server).await;
    let request = b"GET /make?size=1000000000 HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(request).await.expect("sent");
    let outcome = service.seen.report().await.outcome;
    assert_eq!(outcome, fastlike_runtime::Outcome::Cancelled);
    drop(stream);
}
