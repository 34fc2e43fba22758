//! The official command line, from npm, serves a project with this command in
//! the place of its own runtime.

use std::cell::Cell;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use crate::harness::{Ended, Server, fastlike, run_command, targets, workspace};

/// The program of the official command line; none where `cargo xtask guests`
/// could not install it, as it has said then. Never so in CI.
pub(crate) fn official() -> Option<PathBuf> {
    let skipped = std::env::var("FASTLIKE_SKIPPED_GUESTS").unwrap_or_default();
    if skipped.split(',').any(|name| name == "fastly-cli") {
        return None;
    }
    // The program itself: the script beside it passes no signals on.
    let packages = targets().join("fastly-cli/node_modules/@fastly");
    let entries = fs::read_dir(&packages);
    let entries = entries.unwrap_or_else(|_| {
        panic!(
            "no official command line in {}: install it with `cargo xtask guests`",
            packages.display()
        )
    });
    let programs = entries.filter_map(|entry| Some(entry.ok()?.path().join("fastly")));
    programs.into_iter().find(|program| program.is_file())
}

/// The proxy of the official command line, which asks for its newest version
/// and would wait for an answer where there is no network.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:1";

/// A copy of the project of `testdata`, and a port.
struct Project {
    folder: TempDir,
    program: PathBuf,
    port: u16,
}

/// A free port: below those that Linux gives to whoever asks for any, and not
/// one that another process of these tests begins with.
fn free_port() -> u16 {
    let begin = 20_000 + (std::process::id() * 16 % 10_000) as u16;
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let mut ports = (begin..30_000).chain(20_000..begin);
    ports.find(free).expect("a free port")
}

impl Project {
    fn new() -> Option<Self> {
        let program = official()?;
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        let manifest = fs::read_to_string(workspace().join("testdata/project/fastly.toml"));
        let manifest = manifest.expect("the project's manifest");
        fs::write(at.join("fastly.toml"), &manifest).expect("writable");
        let staging = manifest.replace("hello from fastly.toml", "hello from staging");
        fs::write(at.join("fastly.staging.toml"), staging).expect("writable");
        fs::create_dir(at.join("bin")).expect("writable");
        let wasm = targets().join("project/wasm32-wasip1/debug/project.wasm");
        fs::copy(wasm, at.join("bin/main.wasm")).expect("the project's program");
        Some(Self {
            folder,
            program,
            port: free_port(),
        })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts `fastly compute serve` with these flags.
    fn start(&self, flags: &[&str]) -> Served {
        Served(Server::start_command(&mut self.serve(flags)))
    }

    /// `fastly compute serve` with these flags.
    fn serve(&self, flags: &[&str]) -> Command {
        let mut command = self.fastly(&["compute", "serve"]);
        command
            .arg(format!("--addr=127.0.0.1:{}", self.port))
            .args(flags);
        command
    }

    fn fastly(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        let ours = fastlike(&[]);
        command
            .args(args)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .envs(
                ours.get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            // Its settings are this test's own.
            .env("HOME", self.path().join("home"))
            .env("HTTPS_PROXY", NOWHERE)
            .env_remove("XDG_CONFIG_HOME")
            .env("FASTLY_DISABLE_WASM_METADATA_COLLECTION", "1");
        command
    }
}

/// The official command line while it serves. It is interrupted at the end,
/// for it to end the runtime that it started.
struct Served(Server);

impl std::ops::Deref for Served {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

fn ours() -> String {
    let program = fastlike(&[]).get_program().to_owned();
    format!("--viceroy-path={}", PathBuf::from(program).display())
}

#[test]
fn the_official_command_line_serves_with_this_command() {
    let Some(project) = Project::new() else {
        return;
    };
    let flags = [&ours(), "--skip-build", "--file=bin/main.wasm"];
    let server = project.start(&flags);
    assert!(
        server
            .get("/path")
            .ends_with("hello from fastly.toml, /path\n"),
        "{}",
        server.stdout()
    );
    // What the program prints, and a line for each request.
    server.stdout_line("answering /path");
    server.stdout_line("INFO GET /path 200");
    // Ctrl-C: it kills its runtime, and the port is free at once.
    drop(server);
    let again = project.start(&flags);
    assert!(again.get("/").contains("hello from fastly.toml"));
}

#[test]
fn its_environments_are_other_manifests() {
    let Some(project) = Project::new() else {
        return;
    };
    let flags = [
        &ours(),
        "--skip-build",
        "--file=bin/main.wasm",
        "--env=staging",
    ];
    let server = project.start(&flags);
    assert!(server.get("/").contains("hello from staging"));
}

#[test]
fn it_finds_this_command_by_the_name_of_its_own_runtime() {
    let Some(project) = Project::new() else {
        return;
    };
    let folder = project.path().join("path");
    fs::create_dir(&folder).expect("writable");
    let program = fastlike(&[]).get_program().to_owned();
    std::os::unix::fs::symlink(program, folder.join("viceroy")).expect("a link");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([folder].into_iter().chain(std::env::split_paths(&path)));
    let mut command = project.serve(&["--skip-build", "--file=bin/main.wasm"]);
    command
        .env("FASTLY_VICEROY_USE_PATH", "1")
        .env("PATH", path.expect("no colon in it"));
    let server = Served(Server::start_command(&mut command));
    assert!(server.get("/").contains("hello from fastly.toml"));
}

#[test]
fn it_asks_for_profiles() {
    let Some(project) = Project::new() else {
        return;
    };
    let flags = [
        &ours(),
        "--skip-build",
        "--file=bin/main.wasm",
        "--profile-guest",
    ];
    let server = project.start(&flags);
    server.get("/");
    server.stdout_line("wrote the profile guest-profiles/");
    let profiles = fs::read_dir(project.path().join("guest-profiles")).expect("a folder");
    assert_eq!(profiles.count(), 1);
}

#[test]
fn what_this_command_cannot_serve_ends_it_too() {
    let Some(project) = Project::new() else {
        return;
    };
    let flags = [&ours(), "--skip-build", "--file=bin/main.wasm"];
    let fails = |wanted: &[&str]| {
        let Ended {
            code,
            stdout,
            stderr,
        } = run_command(&mut project.serve(&flags));
        assert_eq!(code, Some(1), "{stdout}\n{stderr}");
        for wanted in wanted {
            let said = stdout.contains(wanted) || stderr.contains(wanted);
            assert!(said, "{wanted}: {stdout}\n{stderr}");
        }
    };
    let taken = TcpListener::bind(("127.0.0.1", project.port)).expect("still free");
    fails(&["Address already in use", "another program listens there"]);
    drop(taken);
    let manifest = project.path().join("fastly.toml");
    let text = fs::read_to_string(&manifest).expect("readable");
    fs::write(&manifest, text.replace("http://127.0.0.1:9", "example.com")).expect("writable");
    fails(&["error parsing `", "fastly.toml`"]);
}

#[test]
fn it_rebuilds_and_starts_this_command_again_when_a_file_changes() {
    let Some(project) = Project::new() else {
        return;
    };
    let manifest = project.path().join("fastly.toml");
    let text = fs::read_to_string(&manifest).expect("readable");
    let text = text.replace("language = \"rust\"", "language = \"other\"");
    // A build that is nothing but a copy.
    let scripts = "\n[scripts]\nbuild = \"cp source.wasm bin/main.wasm\"\n";
    fs::write(&manifest, format!("{text}{scripts}")).expect("writable");
    fs::copy(
        project.path().join("bin/main.wasm"),
        project.path().join("source.wasm"),
    )
    .expect("a copy");
    let server = project.start(&[&ours(), "--watch", "--metadata-disable"]);
    assert!(
        server.get("/").contains("hello from fastly.toml"),
        "{}",
        server.stdout()
    );
    let listening = |server: &Server| server.stdout().matches("INFO Listening on").count();
    let before = listening(&server);
    let changed = text.replace("hello from fastly.toml", "hello from a change");
    let written = Cell::new(None::<Instant>);
    server.until("it is started again", |server| {
        // It may not watch yet, and waits for a second of silence.
        if written
            .get()
            .is_none_or(|at| at.elapsed() > Duration::from_secs(3))
        {
            fs::write(&manifest, format!("{changed}{scripts}")).expect("writable");
            written.set(Some(Instant::now()));
        }
        listening(server) > before
    });
    assert!(
        server.get("/").contains("hello from a change"),
        "{}",
        server.stdout()
    );
}
