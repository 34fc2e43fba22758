//! How clients connect: https, proxies.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::harness::{Server, guest, run, text};

#[test]
fn a_certificate_is_made_and_kept_and_its_place_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache");
    let cache = cache.to_str().expect("a path in UTF-8");
    let guest = guest("hello.wat");
    let serve = || {
        let server = Server::start(&[&guest, "--tls", "--compile-cache", cache]);
        let line = server.stdout_line("The certificate is ");
        let path = line.split("The certificate is ").nth(1).expect("a path");
        let path = path.split(": have").next().expect("a path").to_owned();
        assert!(server.stdout().contains("Listening on https://127.0.0.1:"));
        (server, std::fs::read_to_string(path).expect("readable"))
    };
    let (server, first) = serve();
    assert!(first.starts_with("-----BEGIN CERTIFICATE-----"), "{first}");
    // What is not TLS is answered by an alert.
    let mut stream = TcpStream::connect(server.address).expect("listening");
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .expect("sent");
    let mut alert = [0; 2];
    stream.read_exact(&mut alert).expect("an alert");
    assert_eq!(alert, [21, 3]);
    drop(server);
    assert_eq!(serve().1, first, "the same at the next start");
}

#[test]
fn what_cannot_be_used_is_said_with_its_file_and_mend() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cert.pem");
    std::fs::write(&file, "nothing").expect("written");
    let file = file.to_str().expect("a path in UTF-8");
    let guest = guest("hello.wat");
    let ended = run(&[&guest, "--tls-cert", "missing.pem", "--tls-key", file]);
    assert!(
        ended.stderr.starts_with("error: cannot read missing.pem: "),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("help: name a file that exists"),
        "{}",
        ended.stderr
    );
    let ended = run(&[&guest, "--tls-cert", file, "--tls-key", file]);
    let said = "cert.pem: holds no certificate in PEM form\nhelp: name a PEM file";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let ended = run(&[&guest, "--tls", "--no-compile-cache"]);
    let said = "help: name one with `--compile-cache DIR`, or a certificate";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
}

#[test]
fn a_trusted_proxy_speaks_first() {
    let guest = guest("hello.wat");
    let server = Server::start(&[&guest, "--trust", "127.0.0.1", "--proxy-protocol"]);
    let exchange = |first: &str| {
        let mut stream = TcpStream::connect(server.address).expect("listening");
        let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        stream
            .write_all(format!("{first}{request}").as_bytes())
            .expect("sent");
        text(stream)
    };
    let answer = exchange("PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(exchange(""), "");
}
