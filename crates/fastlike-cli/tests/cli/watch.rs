//! `--watch`: programs and manifests that change while they are served.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::harness::{HeldOrigin, Server, guest, replace, text};

/// A folder with a program and a manifest, which tests change.
struct Place(TempDir);

impl Place {
    fn new(program: &str, manifest: &str) -> Self {
        let place = Self(tempfile::tempdir().expect("a folder"));
        place.write("app.wat", program);
        place.write("fastly.toml", manifest);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file as editors do: beside its place, then there.
    fn write(&self, name: &str, text: &str) {
        replace(&self.path(name), &self.path("new"), text);
    }

    fn watch(&self, more: &[&str]) -> Server {
        let (program, manifest) = (self.path("app.wat"), self.path("fastly.toml"));
        let (program, manifest) = (
            program.display().to_string(),
            manifest.display().to_string(),
        );
        let mut args = vec!["serve", "--watch", &program, "-C", &manifest];
        args.extend(more);
        let server = Server::start(&args);
        server.stdout_line("Watching 2 files");
        server
    }
}

/// A program that answers with this word of five letters.
fn saying(word: &str) -> String {
    assert_eq!(word.len(), 5);
    read("word.wat").replace("WORD!", word)
}

fn read(name: &str) -> String {
    fs::read_to_string(guest(name)).expect("there")
}

#[test]
fn the_next_request_is_answered_by_the_program_as_it_is_now() {
    let place = Place::new(&saying("first"), "");
    let server = place.watch(&[]);
    assert!(server.get("/").ends_with("\r\n\r\nfirst\n"));
    place.write("app.wat", &saying("other"));
    let line = server.stdout_line("Reloaded in ");
    assert!(line.ends_with("app.wat changed"), "{line}");
    assert!(server.get("/").ends_with("\r\n\r\nother\n"));
    // Gone for a moment, in a folder that is made again.
    place.write("third.wat", &saying("third"));
    fs::remove_file(place.path("app.wat")).expect("removed");
    fs::rename(place.path("third.wat"), place.path("app.wat")).expect("renamed");
    server.lines("Reloaded in ", 2);
    assert!(server.get("/").ends_with("\r\n\r\nthird\n"));
    assert_eq!(server.stderr(), "");
}

#[test]
fn what_is_broken_is_said_once_and_changes_nothing_until_it_is_mended() {
    let located = |city: &str| {
        format!(
            "[local_server.geolocation]\nformat = \"inline-toml\"\n\
             [local_server.geolocation.addresses]\n\"81.2.69.160\" = {{ city = {city} }}\n"
        )
    };
    let place = Place::new(&read("geo.wat"), &located("\"Lisbon\""));
    let server = place.watch(&[]);
    assert!(server.get("/").contains("Lisbon"));
    place.write("fastly.toml", &located("7"));
    server.stderr_line("Not reloaded: ");
    let said = server.stderr();
    assert!(said.contains("fastly.toml:4:"), "{said}");
    assert!(said.contains("error parsing `"), "{said}");
    assert!(said.contains("what was served before still is"), "{said}");
    assert!(server.get("/").contains("Lisbon"));
    // Another change that mends nothing.
    place.write("app.wat", &read("geo.wat"));
    server.stderr_line("what was wrong still is");
    assert_eq!(server.stderr().matches("error parsing `").count(), 1);
    assert!(server.get("/").contains("Lisbon"));
    place.write("fastly.toml", &located("\"Porto\""));
    server.stdout_line("Reloaded in ");
    assert!(server.get("/").contains("Porto"));

    place.write("app.wat", "(module");
    server.lines("Not reloaded: ", 3);
    assert!(server.get("/").contains("Porto"));
    place.write("app.wat", &saying("third"));
    server.lines("Reloaded in ", 2);
    assert!(server.get("/").contains("third"));
}

#[test]
fn files_that_the_manifest_names_are_watched_and_those_it_lacks_awaited() {
    let stored = "[local_server.config_stores.flags]\nformat = \"json\"\nfile = \"flags.json\"\n";
    let place = Place::new(&saying("first"), "");
    let server = place.watch(&[]);
    place.write("fastly.toml", stored);
    server.stderr_line("there is no file `flags.json`");
    server.stderr_line("Not reloaded: ");
    place.write("flags.json", "{}");
    let line = server.stdout_line("Reloaded in ");
    assert!(line.ends_with("flags.json changed"), "{line}");
    place.write("flags.json", "{ \"a\": 1 }");
    server.lines("Not reloaded: ", 2);
    place.write("flags.json", "{ \"a\": \"1\" }");
    server.lines("Reloaded in ", 2);
}

#[test]
fn what_programs_have_stored_is_kept() {
    let manifest = "[local_server.kv_stores]\nstore = []\n";
    let place = Place::new(&read("kept.wat"), manifest);
    let server = place.watch(&[]);
    assert!(
        server.get("/").ends_with("\r\n\r\n"),
        "nothing is stored yet"
    );
    assert!(server.get("/").ends_with("\r\n\r\nkept\n"));
    place.write("app.wat", &format!("{}\n;; changed\n", read("kept.wat")));
    server.stdout_line("Reloaded in ");
    assert!(server.get("/").ends_with("\r\n\r\nkept\n"));

    let state = place.path("state").display().to_string();
    let server = place.watch(&["--state", &state]);
    server.get("/");
    place.write("fastly.toml", &format!("{manifest}\n# changed\n"));
    server.stdout_line("Reloaded in ");
    assert!(server.get("/").ends_with("\r\n\r\nkept\n"));
}

#[test]
fn a_request_that_runs_finishes_on_what_it_began_with() {
    let origin = HeldOrigin::new();
    let backend = format!("api=http://{}", origin.address);
    let place = Place::new(&read("proxy.wat"), "");
    let server = place.watch(&["--backend", &backend]);
    let slow = server.send("/");
    origin.asked();
    place.write("app.wat", &saying("newer"));
    server.stdout_line("Reloaded in ");
    assert!(server.get("/").ends_with("\r\n\r\nnewer\n"));
    origin.answer();
    let slow = text(slow);
    assert!(slow.starts_with("HTTP/1.1 201 Created\r\n"), "{slow}");
    assert!(slow.ends_with("held"), "{slow}");
}

/// Sends one request after another on a connection until it is told to stop;
/// each must be answered.
fn client(server: &Server, stop: &Arc<AtomicBool>, answered: &Arc<AtomicUsize>) {
    let mut stream = TcpStream::connect(server.address).expect("it accepts");
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    while !stop.load(Ordering::SeqCst) {
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .expect("written");
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = reader.read_line(&mut head).expect("a response");
            assert!(read > 0, "the connection ended: {head:?}");
        }
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let mut body = [0; 6];
        reader.read_exact(&mut body).expect("a body");
        assert_eq!(&body[..3], b"say", "{body:?}");
        answered.fetch_add(1, Ordering::SeqCst);
    }
}

/// Stops the clients when it is dropped.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn twenty_reloads_under_load_fail_no_request() {
    let place = Place::new(&saying("say00"), "");
    let server = place.watch(&["--quiet"]);
    let (stop, answered) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
    std::thread::scope(|scope| {
        // Also where this fails: the scope waits for its threads.
        let _stopping = Stopping(&stop);
        for _ in 0..8 {
            scope.spawn(|| client(&server, &stop, &answered));
        }
        for number in 1..=20 {
            let before = answered.load(Ordering::SeqCst);
            place.write("app.wat", &saying(&format!("say{number:02}")));
            server.lines("Reloaded in ", number);
            server.until("answers of it", |_| {
                answered.load(Ordering::SeqCst) > before + 100
            });
        }
    });
    assert!(server.get("/").ends_with("\r\n\r\nsay20\n"));
    assert_eq!(server.stderr(), "");
}
