//! `fastlike dev`: projects that are built, served, and built again.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{
    Server, fastlike, guest, heeding_hangups, pause_for, replace, run_command, targets,
};

/// A project's folder.
struct Place(TempDir);

/// Copies `src/app.wat`, unless that has the word "broken" in it.
const SCRIPT: &str = "\
if grep -q broken src/app.wat; then echo \"src/app.wat:1: oops\" >&2; exit 3; fi
if grep -q endless src/app.wat; then sleep 1000 & echo $! >$PIDS; echo endless; wait; fi
cp src/app.wat bin/main.wasm
";

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// A project that a script builds.
    fn scripted() -> Self {
        let place = Self::new();
        place.write("fastly.toml", "[scripts]\nbuild = \"sh build.sh\"\n");
        place.write("build.sh", SCRIPT);
        place.write("src/app.wat", &saying("first"));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        // No source: it is in a hidden folder.
        let new = self.path(".new");
        fs::create_dir_all(&new).expect("made");
        replace(&path, &new.join("file"), text);
    }

    /// Runs `fastlike dev` in a folder of the project.
    fn command(&self, folder: &str) -> Command {
        let mut command = fastlike(&["dev", "--bind", "127.0.0.1:0"]);
        command.current_dir(self.path(folder));
        command.env_remove("CARGO_TARGET_DIR");
        command
    }

    fn dev(&self, folder: &str) -> Server {
        Server::start_command(&mut self.command(folder))
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
fn a_project_is_built_by_its_script_and_again_when_its_sources_change() {
    let place = Place::scripted();
    let server = place.dev("src");
    assert!(server.get("/").ends_with("\r\n\r\nfirst\n"));
    server.stdout_line("Building with sh build.sh");
    place.write("src/app.wat", &saying("other"));
    server.stdout_line("Reloaded in ");
    assert!(server.get("/").ends_with("\r\n\r\nother\n"));

    place.write("src/app.wat", &format!("{} ;; broken", saying("third")));
    server.stderr_line("Not built: what was built before is still served");
    server.stderr_line("src/app.wat:1: oops");
    let said = server.stderr();
    assert_eq!(said.matches("src/app.wat:1: oops").count(), 1, "{said}");
    assert!(
        said.contains("`sh build.sh` failed with exit code 3"),
        "{said}"
    );
    assert!(server.get("/").ends_with("\r\n\r\nother\n"));
    place.write("src/app.wat", &saying("third"));
    server.lines("Reloaded in ", 2);
    assert!(server.get("/").ends_with("\r\n\r\nthird\n"));

    // A source that the program does not depend on.
    place.write("src/notes.txt", "changed");
    server.stdout_line("Built in ");
    assert!(server.get("/").ends_with("\r\n\r\nthird\n"));
}

#[test]
fn what_the_server_itself_writes_is_no_source() {
    let place = Place::new();
    let wasm = targets().join("bin/log_endpoint.wasm");
    let logs = |path: &str| {
        format!(
            "[scripts]\nbuild = \"cp {} bin/main.wasm; echo built >&2\"\n\
             [local_server.log_endpoints.events]\ntype = \"file\"\npath = \"{path}\"\n\
             [local_server.log_endpoints.other]\ntype = \"file\"\npath = \"out/other.log\"\n",
            wasm.display()
        )
    };
    place.write("fastly.toml", &logs("events.log"));
    place.write("out/other.log", "");
    // It is reached through a link, too.
    let elsewhere = Place::new();
    std::os::unix::fs::symlink(place.path(""), elsewhere.path("link")).expect("a link");
    let mut command = place.command("");
    command.arg(elsewhere.path("link"));
    command.args(["--state", "stored", "--profile=guest,profiles"]);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "exec \"$0\" \"$@\" 2>printed.txt"])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(place.path(""))
        .env_remove("CARGO_TARGET_DIR");
    let variables = command.get_envs();
    shell.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    let server = Server::start_command(&mut shell);
    for _ in 0..3 {
        assert!(server.get("/").contains("logged"));
    }
    // Another file, which is there only now.
    place.write("fastly.toml", &logs("later.log"));
    server.stdout_line("Reloaded in ");
    assert!(server.get("/").contains("logged"));
    place.write("src/new.txt", "a source");
    server.stdout_line("src/new.txt changed");
    server.stdout_line("Built in ");
    let built = server.stdout();
    assert_eq!(built.matches("Building with").count(), 2, "{built}");
    // Nor is what it wrote before, which is seen when there is something new.
    assert!(!built.contains(".log changed"), "{built}");
    assert!(!built.contains(".log,"), "{built}");
    for written in [
        "events.log",
        "later.log",
        "stored",
        "profiles",
        "printed.txt",
    ] {
        assert!(place.path(written).exists(), "{written}");
    }
}

#[test]
fn a_manifest_is_taken_over_without_a_build_unless_it_says_how_to_build() {
    let place = Place::scripted();
    let server = place.dev("");
    let script = "[scripts]\nbuild = \"sh build.sh\"\n";
    place.write("fastly.toml", &format!("{script}[local_server]\n"));
    server.stdout_line("Reloaded in ");
    assert_eq!(server.stdout().matches("Building with").count(), 1);
    place.write("fastly.toml", "[scripts]\nbuild = 3\n");
    server.stderr_line("Not reloaded: fastly.toml changed");
    place.write("other.wat", &saying("other"));
    server.lines("Building with", 2);
    let copies = "[scripts]\nbuild = \"cp $FROM bin/main.wasm\"\npost_build = \"echo afterwards\"\n\
                  env_file = \".env\"\n";
    place.write(".env", "FROM=other.wat\n");
    place.write("fastly.toml", copies);
    server.stdout_line("Building with cp $FROM bin/main.wasm");
    server.lines("afterwards", 2);
    server.until("the other program", |server| {
        server.get("/").ends_with("\r\n\r\nother\n")
    });
}

#[test]
fn clients_are_told_that_there_is_no_program_until_there_is() {
    let place = Place::scripted();
    place.write("src/app.wat", "broken");
    let server = place.dev("");
    server.stderr_line("Not built: ");
    let answer = server.get("/");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.ends_with("see the terminal of `fastlike dev`.\n"),
        "{answer}"
    );
    place.write("src/app.wat", &saying("first"));
    server.stdout_line("Reloaded in ");
    assert!(server.get("/").ends_with("\r\n\r\nfirst\n"));
}

#[test]
fn what_changes_during_a_build_is_built_after_it() {
    let place = Place::scripted();
    let fifo = place.path("bin/fifo");
    // Waits for the test after it has read the source, where there is a way.
    let script = "cp src/app.wat bin/main.wasm\n\
                  if test -e bin/fifo; then echo waiting; read line <bin/fifo; rm bin/fifo; fi\n";
    place.write("build.sh", script);
    let server = place.dev("");
    let made = Command::new("mkfifo").arg(&fifo).status().expect("mkfifo");
    assert!(made.success());
    place.write("src/app.wat", &saying("other"));
    server.stderr_line("waiting");
    place.write("src/app.wat", &saying("third"));
    fs::write(&fifo, "go on\n").expect("written");
    server.lines("Building with", 3);
    server.until("the last program", |server| {
        server.get("/").ends_with("\r\n\r\nthird\n")
    });
    assert_eq!(server.stdout().matches("Building with").count(), 3);
}

/// Waits for the end of a process, which is due.
fn ends(server: &Server, pid: &str) {
    server.until("the end of what the build began", |_| is_gone(pid));
}

/// True if the process has ended; maybe nobody has asked how.
fn is_gone(pid: &str) -> bool {
    let ps = Command::new("ps").args(["-o", "stat=", "-p", pid]).output();
    let state = ps.expect("ps").stdout;
    let state = String::from_utf8_lossy(&state).trim().to_owned();
    state.is_empty() || state.starts_with('Z')
}

#[test]
fn a_signal_ends_a_build_with_all_that_it_started() {
    for signal in ["INT", "HUP"] {
        let (place, elsewhere) = (Place::scripted(), Place::new());
        let pids = elsewhere.path("pids");
        let mut command = place.command("");
        let command = heeding_hangups(command.env("PIDS", &pids));
        let mut server = Server::start_command(&mut { command });
        place.write("src/app.wat", "endless");
        server.stderr_line("endless");
        let pid = fs::read_to_string(&pids).expect("written before it was said");
        assert!(!is_gone(pid.trim()));
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{signal}");
        ends(&server, pid.trim());
    }
}

#[test]
fn a_build_that_hangs_is_ended_by_the_next_change() {
    let (place, elsewhere) = (Place::scripted(), Place::new());
    let pids = elsewhere.path("pids");
    let mut command = place.command("");
    let server = Server::start_command(command.env("PIDS", &pids));
    place.write("src/app.wat", "endless");
    server.stderr_line("endless");
    let pid = fs::read_to_string(&pids).expect("written before it was said");
    place.write("src/app.wat", &saying("other"));
    server.stdout_line("Building again: src/app.wat changed");
    server.stdout_line("Reloaded in ");
    ends(&server, pid.trim());
    assert!(server.get("/").ends_with("\r\n\r\nother\n"));
    assert_eq!(server.stdout().matches("Building with").count(), 3);

    place.write("fastly.toml", "[scripts]\nbuild = \"sleep 1000\"\n");
    server.stdout_line("Building with sleep 1000");
    place.write("fastly.toml", "[scripts]\nbuild = \"sh build.sh\"\n");
    server.stdout_line("Building again: fastly.toml changed");
    server.lines("Building with sh build.sh", 4);
    assert!(server.get("/").ends_with("\r\n\r\nother\n"));
}

#[test]
fn the_first_build_need_not_end_either() {
    let (place, elsewhere) = (Place::scripted(), Place::new());
    place.write("src/app.wat", "endless");
    let pids = elsewhere.path("pids");
    let mut command = place.command("");
    command.env("PIDS", &pids);
    let server = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !pids.exists() {
                pause_for(Duration::from_millis(10));
            }
            place.write("src/app.wat", &saying("other"));
        });
        Server::start_command(&mut command)
    });
    server.stdout_line("Building again: src/app.wat changed");
    assert!(server.get("/").ends_with("\r\n\r\nother\n"));
}

#[test]
fn a_long_build_that_writes_sources_is_not_begun_for_ever() {
    let place = Place::scripted();
    // The first one would never end.
    let script = "date +%N >src/made\n\
                  test -e bin/again || { touch bin/again; sleep 1000; }\n\
                  sleep 3; cp src/app.wat bin/main.wasm\n";
    place.write("build.sh", script);
    let server = place.dev("");
    // It listens although each build writes something else.
    assert!(server.get("/").ends_with("\r\n\r\nfirst\n"));
    server.stdout_line("Building again");
}

#[test]
fn a_program_that_is_gone_is_built_again() {
    let place = Place::scripted();
    let server = place.dev("");
    fs::remove_dir_all(place.path("bin")).expect("removed");
    server.stdout_line("Built in ");
    assert!(place.path("bin/main.wasm").exists());
    assert_eq!(server.stderr(), "");
    assert!(server.get("/").ends_with("\r\n\r\nfirst\n"));
}

#[test]
fn a_folder_that_is_removed_is_no_news() {
    let place = Place::scripted();
    place.write("src/deep/er/note.txt", "");
    let server = place.dev("");
    fs::remove_dir_all(place.path("src/deep")).expect("removed");
    server.stdout_line("Built in ");
    place.write("src/deep/er/note.txt", "again");
    server.lines("Built in ", 2);
    assert!(!server.stdout().contains("WARN"), "{}", server.stdout());
    assert_eq!(server.stderr(), "");
}

#[test]
fn what_is_no_project_is_told_from_one() {
    let place = Place::scripted();
    place.write("t.wasm", "");
    for (what, said) in [
        (
            "nosuch",
            "error: there is no nosuch\nhelp: name the folder of a Compute project\n",
        ),
        (
            "t.wasm",
            "error: t.wasm is neither a project's folder nor a manifest\n\
             help: name the folder; a program is served by `fastlike serve t.wasm`\n",
        ),
        (
            "src",
            "error: there is no fastly.toml in src\n\
             help: name the folder of a Compute project\n",
        ),
    ] {
        let mut command = place.command("");
        let ended = run_command(command.arg(what));
        assert_eq!(ended.stderr, said);
        assert_eq!(ended.code, Some(1));
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let place = Place::scripted();
    place.write("bin", "a file");
    let server = place.dev("");
    server.stderr_line("Not built: ");
    let said = server.stderr();
    let folder = place.path("bin").display().to_string();
    assert!(
        said.contains(&format!(
            "error: cannot make the folder {folder}, where the program belongs\ncaused by: "
        )),
        "{said}"
    );
}

#[test]
fn a_folder_without_a_manifest_is_no_project() {
    let place = Place::new();
    let ended = run_command(&mut place.command(""));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .stderr
            .starts_with("error: there is no fastly.toml here or in a folder above\nhelp: "),
        "{}",
        ended.stderr
    );
    place.write("fastly.toml", "");
    let server = place.dev("");
    server.stderr_line("nobody knows how");
}

/// A program without an SDK, which would have to be downloaded.
const MAIN: &str = r#"
#[link(wasm_import_module = "fastly_http_resp")]
// SAFETY: these are the signatures of the platform.
unsafe extern "C" {
    #[link_name = "new"]
    fn response(out: *mut u32) -> u32;
    fn send_downstream(response: u32, body: u32, streaming: u32) -> u32;
}

#[link(wasm_import_module = "fastly_http_body")]
// SAFETY: as above.
unsafe extern "C" {
    #[link_name = "new"]
    fn body(out: *mut u32) -> u32;
    fn write(body: u32, text: *const u8, length: usize, end: u32, out: *mut usize) -> u32;
}

fn main() {
    let text = "first\n";
    let (mut answer, mut content, mut written) = (0, 0, 0);
    // SAFETY: all pointers are of what lives to the end.
    unsafe {
        response(&mut answer);
        body(&mut content);
        write(content, text.as_ptr(), text.len(), 0, &mut written);
        send_downstream(answer, content, 0);
    }
}
"#;

#[test]
fn a_project_of_cargo_needs_no_script() {
    let place = Place::new();
    place.write("fastly.toml", "language = \"rust\"\n");
    let cargo = "[package]\nname = \"tiny\"\nedition = \"2024\"\n[workspace]\n";
    place.write("Cargo.toml", cargo);
    place.write("src/main.rs", MAIN);
    let server = place.dev("");
    server.stdout_line("Building with cargo build --release --target wasm32-wasip1 --bin tiny");
    assert!(server.get("/").ends_with("\r\n\r\nfirst\n"));
    assert!(place.path("Cargo.lock").exists());
    place.write("src/main.rs", &MAIN.replace("let text", "let txt"));
    server.stderr_line("Not built: ");
    server.lines("error[E0425]", 2);
    let said = server.stderr();
    assert_eq!(
        said.matches("error[E0425]").count(),
        2,
        "as often as it is used:\n{said}"
    );
    assert!(server.get("/").ends_with("\r\n\r\nfirst\n"));
    place.write("src/main.rs", &MAIN.replace("first", "other"));
    server.stdout_line("Reloaded in ");
    assert!(server.get("/").ends_with("\r\n\r\nother\n"));
    // None for what Cargo itself wrote.
    assert_eq!(server.stdout().matches("Building with").count(), 3);
}
