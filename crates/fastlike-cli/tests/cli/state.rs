//! What is stored lasts, also when the process is killed.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::{Server, fastlike, run, targets};

/// A folder with a manifest, and a state directory beside it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(kv_stores: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let manifest = format!("[local_server.kv_stores]\n{kv_stores}\n");
        std::fs::write(folder.path().join("fastly.toml"), manifest).expect("written");
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn args(&self) -> Vec<String> {
        vec![
            guest().display().to_string(),
            "-C".to_owned(),
            self.path("fastly.toml"),
            "--state".to_owned(),
            self.path("state"),
        ]
    }

    fn serve(&self) -> Server {
        let args = self.args();
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        Server::start(&args)
    }
}

fn guest() -> PathBuf {
    targets().join("bin/kv_store_operations.wasm")
}

/// The whole response; `None` if the server went away.
fn send(address: SocketAddr, method: &str, path: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

/// True if the server said that it is stored.
fn insert(address: SocketAddr, key: &str, value: &str) -> bool {
    let response = send(address, "POST", &format!("/store/insert?{key}"), value);
    response.is_some_and(|text| text.starts_with("HTTP/1.1 200") && text.ends_with("\r\n\r\nok"))
}

/// Kills the server when it is dropped: also where a test fails, whose writers
/// would go on for ever.
struct Killing<'a>(&'a Server);

impl Drop for Killing<'_> {
    fn drop(&mut self) {
        self.0.signal("KILL");
    }
}

/// The value and its generation.
fn lookup(server: &Server, key: &str) -> (String, u64) {
    let response = server.get(&format!("/store/lookup?{key}"));
    let (head, value) = response.split_once("\r\n\r\n").expect("a response");
    let generation = head
        .lines()
        .find_map(|line| line.strip_prefix("x-generation: "));
    let generation = generation.map_or(0, |text| text.parse().expect("a number"));
    (value.to_owned(), generation)
}

#[test]
#[cfg(unix)]
fn what_was_acknowledged_is_there_after_kill_9() {
    const ROUNDS: usize = 5;
    const WRITERS: usize = 4;
    const WRITES: usize = 60;
    let folder = Folder::new("store = []");
    // Every value that was ever acknowledged; of a key that was written
    // often, the last.
    let mut stored = BTreeMap::<String, String>::new();
    let mut newest = 0;
    for round in 0..ROUNDS {
        let mut server = folder.serve();
        for (key, value) in &stored {
            let (found, generation) = lookup(&server, key);
            if key.starts_with("often") {
                let number = |text: &str| text.parse::<usize>().expect("a number");
                assert!(number(&found) >= number(value), "{key}: {found} {value}");
            } else {
                assert_eq!(&found, value, "{key}");
            }
            newest = newest.max(generation);
        }
        let first = format!("first{round}");
        assert!(insert(server.address, &first, "x"));
        let (_, generation) = lookup(&server, &first);
        assert!(generation > newest, "generations are never given out again");

        let (address, written) = (server.address, AtomicUsize::new(0));
        let acknowledged = std::thread::scope(|scope| {
            let writer = |writer: usize| {
                let written = &written;
                move || {
                    let mut acknowledged = Vec::new();
                    for n in 0.. {
                        let pair = match n % 4 {
                            0 => (
                                format!("often{writer}"),
                                (round * 1_000_000 + n).to_string(),
                            ),
                            _ => (format!("{round}/{writer}/{n}"), "v".repeat(n * 37 % 5_000)),
                        };
                        if !insert(address, &pair.0, &pair.1) {
                            break;
                        }
                        acknowledged.push(pair);
                        written.fetch_add(1, Ordering::Relaxed);
                    }
                    acknowledged
                }
            };
            let writers: Vec<_> = (0..WRITERS).map(|n| scope.spawn(writer(n))).collect();
            let killing = Killing(&server);
            server.until("enough is written", |_| {
                written.load(Ordering::Relaxed) >= WRITES
            });
            drop(killing);
            let ended = writers.into_iter().map(|writer| writer.join());
            ended
                .flat_map(|acknowledged| acknowledged.expect("a thread"))
                .collect::<Vec<_>>()
        });
        server.wait();
        assert!(acknowledged.len() >= WRITES);
        stored.extend(acknowledged);
    }
    let server = folder.serve();
    for (key, value) in stored.iter().filter(|(key, _)| !key.starts_with("often")) {
        assert_eq!(&lookup(&server, key).0, value, "{key}");
    }
}

#[test]
fn a_restart_keeps_what_a_program_did_to_the_manifests_entries() {
    let folder = Folder::new(
        "store = [{ key = \"a\", data = \"1\", metadata = \"m\" }, { key = \"b\", data = \"1\" }]",
    );
    let mut server = folder.serve();
    assert_eq!(lookup(&server, "a").0, "1");
    assert!(insert(server.address, "a", "mine"));
    assert!(server.get("/store/delete?b").ends_with("ok"));
    server.interrupt();

    let mut server = folder.serve();
    assert_eq!(lookup(&server, "a").0, "mine");
    assert_eq!(lookup(&server, "b").0, "ItemNotFound");
    server.interrupt();

    let changed = "[local_server.kv_stores]\nstore = [{ key = \"a\", data = \"2\" }]\n";
    std::fs::write(folder.path("fastly.toml"), changed).expect("written");
    assert_eq!(lookup(&folder.serve(), "a").0, "2");
}

#[test]
fn a_directory_that_is_in_use_is_named() {
    let folder = Folder::new("store = []");
    let _server = folder.serve();
    let mut args = folder.args();
    args.extend(["--bind".to_owned(), "127.0.0.1:0".to_owned()]);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let second = run(&args);
    assert_ne!(second.code, Some(0));
    let directory = folder.path("state");
    assert!(
        second.stderr.contains("in use by another process") && second.stderr.contains(&directory),
        "{}",
        second.stderr
    );
}

#[test]
fn without_a_directory_nothing_is_written() {
    let folder = Folder::new("store = [{ key = \"a\", data = \"1\" }]");
    let mut args = folder.args();
    args.truncate(3);
    let mut args: Vec<_> = args.iter().map(String::as_str).collect();
    args.extend(["--bind", "127.0.0.1:0"]);
    let server = Server::start_command(fastlike(&args).current_dir(folder.0.path()));
    assert!(insert(server.address, "b", "2"));
    assert_eq!(lookup(&server, "a").0, "1");
    let files = std::fs::read_dir(folder.0.path()).expect("a folder");
    let names: Vec<_> = files.flatten().map(|file| file.file_name()).collect();
    assert_eq!(names, ["fastly.toml"]);
}
