//! The programs that are measured, and the origin behind them.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::memory;
use crate::shell::{output, target};

/// How long a server may take to compile its guest and listen.
const START: Duration = Duration::from_secs(60);

/// A program that serves guests.
pub(super) struct Runtime {
    pub(super) name: &'static str,
    program: PathBuf,
}

impl Runtime {
    pub(super) fn fastlike() -> Self {
        Self {
            name: "fastlike",
            program: target().join("release/fastlike"),
        }
    }

    pub(super) fn viceroy() -> Self {
        Self {
            name: "viceroy",
            program: "viceroy".into(),
        }
    }

    /// Starts a server of this guest, with the origin as its backend `origin`.
    pub(super) fn serve(&self, guest: &Path, origin: &Origin, dir: &Path) -> Result<Server> {
        self.serve_with(&[], guest, origin, dir)
    }

    /// The same, which reloads what changes. Only fastlike can.
    pub(super) fn serve_watching(
        &self,
        guest: &Path,
        origin: &Origin,
        dir: &Path,
    ) -> Result<Server> {
        self.serve_with(&["--watch"], guest, origin, dir)
    }

    fn serve_with(
        &self,
        flags: &[&str],
        guest: &Path,
        origin: &Origin,
        dir: &Path,
    ) -> Result<Server> {
        let port = free_port()?;
        let address = format!("127.0.0.1:{port}");
        let url = format!("http://127.0.0.1:{}", origin.0.port);
        let path = dir.join("fastly.toml");
        fs::write(&path, manifest(&url))?;
        let mut command = Command::new(&self.program);
        // Both know this spelling.
        command.arg("serve").arg(guest).arg("-C").arg(path);
        command.args(["--addr", &address]).args(flags);
        Server::start(&mut command, port, &dir.join(format!("{}.log", self.name)))
    }
}

/// A backend, and a KV store with a value of 1 KiB.
fn manifest(url: &str) -> String {
    let value = "v".repeat(1 << 10);
    format!(
        "manifest_version = 2\nname = \"bench\"\nlanguage = \"rust\"\n\n\
         [local_server.backends.origin]\nurl = \"{url}\"\n\n\
         [[local_server.kv_stores.bench]]\nkey = \"key\"\ndata = \"{value}\"\n"
    )
}

/// An nginx that serves a small page, 64 KiB, 10 MiB and [`memory::LARGE`] bytes.
pub(super) struct Origin(Server);

impl Origin {
    pub(super) fn start(dir: &Path) -> Result<Self> {
        let www = dir.join("www");
        fs::create_dir_all(&www)?;
        for (name, size) in [("small", 128), ("64k", 64 << 10), ("10m", 10 << 20)] {
            fs::write(www.join(name), vec![b'x'; size])?;
        }
        // Takes no room on the disk.
        File::create(www.join("large"))?.set_len(memory::LARGE)?;
        let port = free_port()?;
        let config = dir.join("nginx.conf");
        fs::write(&config, nginx_config(dir, port)?)?;
        let mut command = Command::new("nginx");
        command
            .args(["-e", "stderr"])
            .arg("-p")
            .arg(dir)
            .arg("-c")
            .arg(&config);
        let log = dir.join("nginx.log");
        Ok(Self(Server::start(&mut command, port, &log)?))
    }
}

fn nginx_config(dir: &Path, port: u16) -> Result<String> {
    // As root, nginx would serve as a user that may not read this folder.
    let is_root = output(Command::new("id").arg("-u"))?.trim() == "0";
    let user = if is_root { "user root;" } else { "" };
    let dir = dir.display();
    Ok(format!(
        "{user}
# One process, which ends when it is told to.
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nodelay on;
    default_type text/plain;
    keepalive_timeout 1h;
    keepalive_requests 100000000;
    client_max_body_size 0;
    client_body_temp_path {dir}/nginx-body;
    proxy_temp_path {dir}/nginx-proxy;
    fastcgi_temp_path {dir}/nginx-fastcgi;
    uwsgi_temp_path {dir}/nginx-uwsgi;
    scgi_temp_path {dir}/nginx-scgi;
    server {{
        listen 127.0.0.1:{port};
        root {dir}/www;
    }}
}}
"
    ))
}

/// A running program, ended when this is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
    log: PathBuf,
}

impl Server {
    fn start(command: &mut Command, port: u16, log: &Path) -> Result<Self> {
        let file = File::create(log)?;
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("can't start {program}"))?;
        let mut server = Self {
            child,
            port,
            log: log.to_owned(),
        };
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = server.child.try_wait()? {
                let said = fs::read_to_string(log).unwrap_or_default();
                bail!("{program} ended ({status}): {}", said.trim());
            }
            if start.elapsed() > START {
                bail!(
                    "{program} does not listen; its output is in {}",
                    log.display()
                );
            }
            sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Where its output is.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// CPU time so far; zero where the system does not tell.
    pub(super) fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        // After the name in brackets: state, then numbers, of which the 12th and 13th are user and
        // system time, in hundredths of a second on Linux.
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let ticks = |at: usize| -> u64 {
            fields
                .get(at)
                .and_then(|field| field.parse().ok())
                .unwrap_or(0)
        };
        Duration::from_millis((ticks(11) + ticks(12)) * 10)
    }

    /// The most memory it has had, in KiB; zero where the system does not tell.
    pub(super) fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// The memory it has now, in KiB; zero where the system does not tell.
    pub(super) fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    fn status(&self, name: &str) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok())
            .unwrap_or(0)
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
