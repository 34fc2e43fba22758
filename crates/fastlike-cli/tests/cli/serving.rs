//! What is served.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::harness::{Server, closed_port, guest, text};

#[test]
fn a_program_answers_on_a_free_port() {
    let server = Server::start(&[&guest("hello.wat")]);
    assert_ne!(server.address.port(), 0);
    let response = server.get("/");
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.ends_with("\r\n\r\nhello\n"), "{response}");
}

#[test]
fn serve_can_be_named_and_the_program_can_be_a_flag() {
    let guest = guest("hello.wat");
    for args in [
        &["serve", &guest][..],
        &["serve", "--wasm", &guest],
        &["--wasm", &guest],
    ] {
        let server = Server::start(args);
        assert!(server.get("/").contains("hello"), "{args:?}");
    }
}

#[test]
fn localhost_is_an_address() {
    let guest = guest("hello.wat");
    let mut command = crate::harness::fastlike(&[&guest, "--addr", "localhost:0"]);
    let server = Server::start_command(&mut command);
    assert!(server.address.ip().is_loopback());
    assert!(server.get("/").contains("hello"));
}

#[test]
fn a_database_says_where_addresses_are() {
    let network: ipnet::IpNet = "81.2.69.0/24".parse().expect("a network");
    let row = serde_json::json!({
        "city": { "names": { "en": "London" } },
        "country": { "iso_code": "GB", "names": { "en": "United Kingdom" } },
    });
    let mut writer = mmdb_writer::Writer::builder("Test-City").build();
    writer.insert(network, &row).expect("a row");
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("city.mmdb");
    std::fs::write(&database, writer.to_bytes().expect("a database")).expect("written");

    let guest = guest("geo.wat");
    let database = database.to_str().expect("a path in UTF-8");
    let response = Server::start(&[&guest]).get("/");
    assert!(
        response.ends_with("\r\n\r\n"),
        "nothing is known: {response}"
    );
    let response = Server::start(&[&guest, "--geo", database]).get("/");
    assert!(response.contains(r#""city":"London""#), "{response}");
    assert!(response.contains(r#""country_code":"GB""#), "{response}");
}

/// An origin that answers one request with the request itself.
fn origin() -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a request");
            request.push(byte[0]);
        }
        let head = format!(
            "HTTP/1.1 201 Created\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            request.len()
        );
        stream
            .write_all(&[head.into_bytes(), request].concat())
            .expect("writable");
    });
    (address, thread)
}

#[test]
fn a_backend_is_asked_and_its_answer_passed_on() {
    let (address, thread) = origin();
    let url = format!("api=http://{address}/prefix");
    let server = Server::start(&[&guest("proxy.wat"), "--backend", &url]);
    let response = server.get("/path?query");
    assert!(
        response.starts_with("HTTP/1.1 201 Created\r\n"),
        "{response}"
    );
    assert!(
        response.contains("GET /prefix/path?query HTTP/1.1\r\n"),
        "{response}"
    );
    thread.join().expect("the origin");
}

#[test]
fn a_backend_that_is_not_there_is_named() {
    let (address, _closed) = closed_port();
    let url = format!("api=http://{address}");
    let server = Server::start(&[&guest("proxy.wat"), "--backend", &url]);
    server.get("/");
    let line = server.stdout_line("a request to the backend");
    let said = format!("\"api\" ({address}) failed: connection refused by {address}");
    assert!(line.contains(&said), "{line}");
}

#[test]
fn proxy_to_is_for_every_backend() {
    let (address, thread) = origin();
    let server = Server::start(&[&guest("proxy.wat"), "--proxy-to", &address]);
    assert!(server.get("/").starts_with("HTTP/1.1 201 Created\r\n"));
    thread.join().expect("the origin");
}

#[test]
fn the_manifests_backends_are_asked() {
    let (address, thread) = origin();
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = folder.path().join("fastly.toml");
    let text = format!("[local_server.backends.api]\nurl = \"http://{address}\"\n");
    std::fs::write(&manifest, text).expect("writable");
    let server = Server::start(&[&guest("proxy.wat"), "-C", &manifest.display().to_string()]);
    assert!(server.get("/").starts_with("HTTP/1.1 201 Created\r\n"));
    thread.join().expect("the origin");
}

#[test]
fn the_demo_shows_a_generated_and_a_proxied_page() {
    let server = Server::start(&["demo"]);
    let generated = server.get("/");
    assert!(generated.starts_with("HTTP/1.1 200 OK\r\n"), "{generated}");
    assert!(generated.contains("<title>fastlike</title>"), "{generated}");
    let proxied = text(server.send_with("/origin/page", "x-test: <b>bold</b>\r\n"));
    assert!(proxied.starts_with("HTTP/1.1 200 OK\r\n"), "{proxied}");
    assert!(
        proxied.contains("<title>The demo's origin</title>"),
        "{proxied}"
    );
    assert!(proxied.contains("<td>GET /page"), "{proxied}");
    assert!(proxied.contains("<th>x-test<td>&lt;b>bold"), "{proxied}");
}
