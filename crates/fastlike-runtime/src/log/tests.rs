//! Lines to real files, sockets and servers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener};

use super::*;

fn silent() -> impl LogSink {
    |endpoint: &str, _: &[u8]| panic!("nothing else is written to {endpoint}")
}

fn logs(endpoint: LogEndpoint) -> LogEndpoints {
    let logs = LogEndpoints::new(silent()).endpoint("app", &endpoint);
    logs.unwrap_or_else(|error| panic!("{error}"))
}

fn syslog(transport: SyslogTransport) -> LogEndpoint {
    LogEndpoint::new(LogTarget::Syslog(SyslogLog {
        transport,
        ..SyslogLog::default()
    }))
}

fn posting(address: impl std::fmt::Display, path: &str) -> LogEndpoint {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "Splunk key".parse().expect("a value"));
    LogEndpoint::new(LogTarget::Http(HttpLog {
        url: format!("http://{address}{path}"),
        headers,
    }))
}

fn report(logs: &LogEndpoints) -> LogReport {
    logs.reports().pop().expect("one endpoint")
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    (listener, address)
}

fn file(path: &Path) -> LogEndpoint {
    LogEndpoint::new(LogTarget::File(path.to_owned()))
}

fn content(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a file")
}

#[tokio::test]
async fn lines_are_added_to_a_file_and_to_a_new_one_when_it_is_moved_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, old) = (folder.path().join("app.log"), folder.path().join("app.1"));
    std::fs::write(&path, "before\n").expect("writable");
    let logs = logs(file(&path));
    logs.write("app", b"one");
    logs.write("app", b"two\nlines");
    logs.flush().await;
    assert_eq!(content(&path), "before\none\ntwo\\nlines\n");
    std::fs::rename(&path, &old).expect("renamed");
    logs.write("app", b"three");
    logs.flush().await;
    assert_eq!(content(&path), "three\n");
    std::fs::remove_file(&path).expect("removed");
    logs.write("app", b"four");
    logs.flush().await;
    assert_eq!(content(&path), "four\n");
    assert!(content(&old).ends_with("lines\n"));
    assert_eq!((report(&logs).delivered, report(&logs).lost), (4, 0));
}

#[tokio::test]
async fn a_file_in_no_folder_is_an_error_at_once() {
    let error = LogEndpoints::new(silent())
        .endpoint("app", &file(Path::new("/no/such/folder/app.log")))
        .expect_err("no folder");
    assert!(
        error.to_string().contains("/no/such/folder/app.log"),
        "{error}"
    );
}

#[tokio::test]
async fn each_endpoint_has_its_own_target_and_the_others_one_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.log");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = |which: &'static str| {
        let seen = Arc::clone(&seen);
        move |endpoint: &str, message: &[u8]| {
            let message = String::from_utf8_lossy(message).into_owned();
            seen.lock().push(format!("{which} {endpoint} {message}"));
        }
    };
    let json = file(&path).format(LogFormat::Json);
    let logs = LogEndpoints::new(sink("other"))
        .sink("direct", sink("own"))
        .endpoint("app", &json)
        .expect("a file");
    for endpoint in ["app", "direct", "App"] {
        logs.write(endpoint, b"hi");
    }
    logs.flush().await;
    assert_eq!(*seen.lock(), ["own direct hi", "other App hi"]);
    let line: serde_json::Value = serde_json::from_str(&content(&path)).expect("JSON");
    assert_eq!(
        (&line["endpoint"], &line["message"]),
        (&"app".into(), &"hi".into())
    );
}

#[tokio::test]
async fn a_tcp_server_gets_lines_again_after_it_was_gone() {
    let (listener, address) = listener().await;
    let logs = logs(LogEndpoint::new(LogTarget::Tcp(address.clone())));
    logs.write("app", b"one");
    logs.write("app", b"two");
    let (stream, _) = listener.accept().await.expect("a connection");
    let mut lines = BufReader::new(stream).lines();
    assert_eq!(
        lines.next_line().await.expect("text").as_deref(),
        Some("one")
    );
    assert_eq!(
        lines.next_line().await.expect("text").as_deref(),
        Some("two")
    );
    logs.flush().await;
    // It closes the connection, and nobody listens for a while.
    drop((lines, listener));
    logs.write("app", b"three");
    while report(&logs).failing.is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(report(&logs).waiting, 1);
    let listener = TcpListener::bind(&address).await.expect("the same port");
    let (stream, _) = listener.accept().await.expect("a connection");
    let mut lines = BufReader::new(stream).lines();
    assert_eq!(
        lines.next_line().await.expect("text").as_deref(),
        Some("three")
    );
    logs.flush().await;
    let report = report(&logs);
    assert_eq!(
        (report.delivered, report.lost, report.failing),
        (3, 0, None)
    );
}

#[tokio::test]
async fn a_syslog_server_gets_messages_in_the_form_of_its_transport() {
    let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = udp.local_addr().expect("bound").to_string();
    let logs_udp = logs(syslog(SyslogTransport::Udp(address)));
    logs_udp.write("app", b"over\nUDP");
    let mut datagram = [0; 1_000];
    let length = udp.recv(&mut datagram).await.expect("a datagram");
    let message = String::from_utf8_lossy(&datagram[..length]).into_owned();
    assert!(
        message.starts_with("<134>1 2") && message.ends_with(" app - over\\nUDP"),
        "{message}"
    );

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let unix = UnixDatagram::bind(&path).expect("a socket");
    let logs_unix = logs(syslog(SyslogTransport::Unix(path)));
    logs_unix.write("app", b"one");
    logs_unix.write("app", b"two");
    for last in [" - one", " - two"] {
        let length = unix.recv(&mut datagram).await.expect("a datagram");
        assert!(datagram[..length].ends_with(last.as_bytes()));
    }

    let (listener, address) = listener().await;
    let logs_tcp = logs(syslog(SyslogTransport::Tcp(address)));
    logs_tcp.write("app", b"counted");
    let (mut stream, _) = listener.accept().await.expect("a connection");
    counted(&mut stream, " app - counted").await;

    let path = folder.path().join("stream");
    let listener = UnixListener::bind(&path).expect("a socket");
    let logs_stream = logs(syslog(SyslogTransport::Unix(path)));
    logs_stream.write("app", b"by stream");
    let (mut stream, _) = listener.accept().await.expect("a connection");
    counted(&mut stream, " app - by stream").await;
}

/// One message after its length.
async fn counted(stream: &mut (impl tokio::io::AsyncRead + Unpin), end: &str) {
    let mut length = String::new();
    loop {
        match stream.read_u8().await.expect("a digit") {
            b' ' => break,
            digit => length.push(char::from(digit)),
        }
    }
    let mut message = vec![0; length.parse().expect("a number")];
    stream.read_exact(&mut message).await.expect("the message");
    let message = String::from_utf8_lossy(&message);
    assert!(
        message.starts_with("<134>1 ") && message.ends_with(end),
        "{message}"
    );
}

#[tokio::test]
async fn a_line_that_no_datagram_holds_is_lost_and_the_next_one_arrives() {
    let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = udp.local_addr().expect("bound").to_string();
    let logs = logs(syslog(SyslogTransport::Udp(address)));
    logs.write("app", &vec![b'x'; 100_000]);
    logs.write("app", b"small");
    let mut datagram = [0; 1_000];
    let length = udp.recv(&mut datagram).await.expect("a datagram");
    assert!(datagram[..length].ends_with(b" - small"));
    logs.flush().await;
    assert_eq!((report(&logs).delivered, report(&logs).lost), (1, 1));
}

/// The next request of a server's connection: its head and its content.
async fn request(stream: &mut BufReader<TcpStream>) -> (String, String) {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.expect("a line");
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&lower);
    }
    let mut content = vec![0; length];
    stream.read_exact(&mut content).await.expect("the content");
    (head, String::from_utf8(content).expect("text"))
}

async fn answer(stream: &mut BufReader<TcpStream>, status: &str) {
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok");
    stream
        .get_mut()
        .write_all(answer.as_bytes())
        .await
        .expect("sent");
}

#[tokio::test]
async fn lines_are_posted_together_until_they_are_taken_or_refused() {
    let (listener, address) = listener().await;
    let logs = logs(posting(address, "/in?token=t").format(LogFormat::Json));
    for message in ["one", "two", "three"] {
        logs.write("app", message.as_bytes());
    }
    let (stream, _) = listener.accept().await.expect("a connection");
    let mut stream = BufReader::new(stream);
    let (head, first) = request(&mut stream).await;
    assert!(head.starts_with("post /in?token=t http/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: splunk key\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/x-ndjson\r\n"),
        "{head}"
    );
    assert_eq!(first.lines().count(), 3, "{first}");
    answer(&mut stream, "503 Busy").await;
    let (_, again) = request(&mut stream).await;
    assert_eq!(again, first);
    answer(&mut stream, "200 OK").await;
    logs.flush().await;
    assert_eq!((report(&logs).delivered, report(&logs).lost), (3, 0));

    logs.write("app", b"refused");
    request(&mut stream).await;
    answer(&mut stream, "403 No").await;
    logs.flush().await;
    let refused = report(&logs);
    assert_eq!((refused.delivered, refused.lost), (3, 1));
    assert!(refused.failing.is_some_and(|why| why.contains("403")));
    assert!(!refused.target.contains("token"), "{}", refused.target);
}

#[tokio::test]
async fn a_server_that_takes_nothing_delays_nobody_and_the_newest_lines_stay() {
    let (listener, address) = listener().await;
    let mut endpoint = LogEndpoint::new(LogTarget::Tcp(address));
    endpoint.queue_lines = 100;
    let logs = logs(endpoint);
    let line = vec![b'x'; 64 * 1024];
    // Far more than sockets hold.
    for _ in 0..1_000 {
        logs.write("app", &line);
        tokio::task::yield_now().await;
    }
    logs.write("app", b"last");
    let stuck = report(&logs);
    assert!(
        stuck.lost > 0 && stuck.lost + stuck.delivered + stuck.waiting == 1_001,
        "{stuck:?}"
    );
    let (mut stream, _) = listener.accept().await.expect("a connection");
    let mut tail = Vec::new();
    while !tail.ends_with(b"last\n") {
        let mut piece = Vec::with_capacity(1 << 20);
        assert!(stream.read_buf(&mut piece).await.expect("bytes") > 0);
        tail.extend_from_slice(&piece);
        tail.drain(..tail.len().saturating_sub(10));
    }
    logs.flush().await;
    assert_eq!(report(&logs).waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_tried_for_a_while_when_the_service_is_gone() {
    // Nobody listens on a port that was just free.
    let (listener, address) = listener().await;
    drop(listener);
    let settings = LogEndpoint::new(LogTarget::Tcp(address));
    let queue = Arc::new(queue::Queue::new("app", &settings));
    queue.push(Bytes::from("never"));
    let sink = sinks::Sink::new(&settings.target, settings.format);
    let delivering = deliver::deliver(Arc::clone(&queue), sink.unwrap_or_else(|e| panic!("{e}")));
    let began = tokio::time::Instant::now();
    queue.close();
    delivering.await;
    assert_eq!(queue.report().lost, 1);
    let took = began.elapsed();
    assert!(
        took > Duration::from_secs(10) && took < Duration::from_secs(60),
        "{took:?}"
    );
}
