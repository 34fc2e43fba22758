//! A service with an admin listener, and a client that says exactly what it
//! sends.

use std::net::SocketAddr;
use std::path::PathBuf;

use fastlike_admin::{Admin, Metrics, Token};
use fastlike_runtime::{Body, Builder, ConnInfo, Current, Fastlike, Guest};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What clients must know.
pub(crate) const TOKEN: &str = "the-token-of-these-tests";

/// Answers everything with an empty 200.
const SILENT: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

/// A builder whose guest does nothing.
pub(crate) fn silent() -> Builder {
    Fastlike::builder(Guest::bytes("silent", SILENT))
}

/// The builder of a guest of `testdata/guests`.
pub(crate) fn guest(name: &str) -> Builder {
    let folder = match std::env::var_os("FASTLIKE_GUESTS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../target/guests/bin"
        )),
    };
    let file = folder.join(name).with_extension("wasm");
    assert!(
        file.exists(),
        "{} is missing: build the guests with `cargo xtask guests`",
        file.display()
    );
    let cache = folder.join("../compile-cache");
    std::fs::create_dir_all(&cache).expect("a folder for compiled guests");
    Fastlike::builder(file).compile_cache(cache.canonicalize().expect("it was made"))
}

/// An admin listener that serves.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) current: Current,
    pub(crate) metrics: Metrics,
}

/// Serves a service's admin listener.
pub(crate) async fn serve(builder: Builder) -> Served {
    let metrics = Metrics::new();
    let builder = builder.observer(metrics.clone());
    let current = Current::new(builder.build().await.expect("a service"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let token = Token::new(TOKEN).expect("a token");
    let admin = Admin::new(current.clone(), token).metrics(metrics.clone());
    tokio::spawn(async move { admin.serve(listener, std::future::pending()).await });
    Served {
        address,
        current,
        metrics,
    }
}

/// An answer, as it came.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    /// In lower case, a line each.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answered {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let parsed = serde_json::from_slice(&self.body);
        parsed.unwrap_or_else(|error| panic!("{error}: {}\n{}", self.head, self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.trim()))
    }
}

impl Served {
    /// Sends these bytes, and reads until the connection is closed.
    pub(crate) async fn raw(&self, request: &[u8]) -> Answered {
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        stream.write_all(request).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        parse(&answer)
    }

    /// A request with these header lines, and no others but its length.
    pub(crate) async fn bare(&self, line: &str, headers: &[&str], body: &[u8]) -> Answered {
        let mut request = format!("{line} HTTP/1.1\r\nconnection: close\r\n");
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        if !body.is_empty() {
            request.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        self.raw(&[request.as_bytes(), body].concat()).await
    }

    /// A request as a good client sends it.
    pub(crate) async fn send(&self, line: &str, headers: &[&str], body: &[u8]) -> Answered {
        let host = format!("host: {}", self.address);
        let token = format!("Fastly-Key: {TOKEN}");
        let headers = [&[host.as_str(), token.as_str()], headers].concat();
        self.bare(line, &headers, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send(&format!("GET {path}"), &[], b"").await
    }

    /// A status and the document that came with it.
    pub(crate) async fn json(&self, line: &str, body: Value) -> (u16, Value) {
        let json = ["content-type: application/json"];
        let answered = self.send(line, &json, body.to_string().as_bytes()).await;
        document(&answered)
    }

    pub(crate) async fn form(&self, line: &str, body: &str) -> (u16, Value) {
        let form = ["content-type: application/x-www-form-urlencoded"];
        document(&self.send(line, &form, body.as_bytes()).await)
    }

    /// What the service answers to a client: status and body.
    pub(crate) async fn client(&self, path: &str) -> (u16, String) {
        let uri = format!("http://example.com{path}");
        let request = http::Request::get(uri)
            .body(Body::empty())
            .expect("a request");
        let service = self.current.get();
        let response = service.handle(request, &ConnInfo::default()).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body");
        let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        (status, text)
    }
}

fn document(answered: &Answered) -> (u16, Value) {
    let value = if answered.body.is_empty() {
        Value::Null
    } else {
        answered.json()
    };
    (answered.status, value)
}

#[track_caller]
fn parse(answer: &[u8]) -> Answered {
    let text = String::from_utf8_lossy(answer);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no head: {text}"));
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let mut body = answer[end + 4..].to_vec();
    if head.contains("transfer-encoding: chunked") {
        body = dechunk(&body);
    }
    Answered {
        status: status.unwrap_or_else(|| panic!("no status: {head}")),
        head,
        body,
    }
}

fn dechunk(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = chunks
            .windows(2)
            .position(|two| two == b"\r\n")
            .expect("a size");
        let size = std::str::from_utf8(&chunks[..end]).expect("digits");
        let size = usize::from_str_radix(size, 16).expect("a size");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&chunks[end + 2..end + 2 + size]);
        chunks = &chunks[end + 4 + size..];
    }
}
