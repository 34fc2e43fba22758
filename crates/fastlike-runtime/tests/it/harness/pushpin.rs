//! A real Pushpin (Debian's package `pushpin`).

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::soon;

/// A Pushpin until this is dropped.
pub(crate) struct Pushpin {
    child: Child,
    /// Its files, as long as it runs.
    _folder: TempDir,
    publish_port: u16,
}

/// Ports for a Pushpin that has not been started yet.
pub(crate) struct Ports {
    /// Where clients' requests go.
    pub(crate) proxy: u16,
    publish: u16,
    internal: [u16; 3],
}

impl Ports {
    /// Free ports: below those that Linux gives to whoever asks for any, and
    /// not those that another process of these tests begins with.
    pub(crate) fn free() -> Self {
        let begin = 20_000 + (std::process::id() * 16 % 10_000) as u16;
        let mut free = (begin..30_000)
            .chain(20_000..begin)
            .filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
        let ports: [u16; 5] = std::array::from_fn(|_| free.next().expect("a free port"));
        let [proxy, publish, internal @ ..] = ports;
        Self {
            proxy,
            publish,
            internal,
        }
    }
}

impl Pushpin {
    /// Whether there is one to start. In CI, that there is none is a mistake.
    pub(crate) fn is_installed() -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let installed = std::env::split_paths(&path).any(|folder| folder.join("pushpin").exists());
        assert!(
            installed || std::env::var_os("CI").is_none(),
            "pushpin is missing: install Debian's package of this name"
        );
        installed
    }

    /// Starts one whose only route is called `route` and leads to `origin`.
    pub(crate) async fn start(ports: Ports, route: &str, origin: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: String| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).expect("written");
            file
        };
        write("routes", format!("id={route} {origin},over_http\n"));
        let file = write("pushpin.conf", configuration(folder.path(), &ports));
        let mut child = Command::new("pushpin")
            .arg(format!("--config={}", file.display()))
            .stdout(Stdio::piped())
            .spawn()
            .expect("pushpin starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (starting, started) = oneshot::channel();
        let mut starting = Some(starting);
        // To the end: nobody may write into a pipe without a reader.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if line.ends_with(" started")
                    && let Some(starting) = starting.take()
                {
                    let _ = starting.send(());
                }
            }
        });
        soon("pushpin's start", started).await.expect("it starts");
        // Its processes find each other in their own time, and what comes
        // meanwhile is lost.
        soon("pushpin's first answer", answering(ports.proxy, route)).await;
        Self {
            child,
            _folder: folder,
            publish_port: ports.publish,
        }
    }

    /// Publishes a text to the channel `test`, for streams and WebSockets.
    pub(crate) async fn publish(&self, text: &str) {
        let body = serde_json::json!({ "items": [{
            "channel": "test",
            "formats": {
                "http-stream": { "content": text },
                "ws-message": { "content": text },
            },
        }] })
        .to_string();
        let head = format!(
            "POST /publish/ HTTP/1.1\r\nhost: pushpin\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let stream = TcpStream::connect(("127.0.0.1", self.publish_port)).await;
        let mut stream = stream.expect("pushpin listens");
        let request = format!("{head}{body}");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        let read = soon("pushpin's answer", stream.read_to_string(&mut answer)).await;
        read.expect("text");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

/// Returns when a request has come through.
async fn answering(port: u16, route: &str) {
    let request = format!("GET / HTTP/1.1\r\nhost: a\r\npushpin-route: {route}\r\n\r\n");
    let ask = async || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut status = [0; 12];
        stream.read_exact(&mut status).await?;
        Ok::<_, std::io::Error>(status == *b"HTTP/1.1 200")
    };
    let mut every = tokio::time::interval(Duration::from_millis(200));
    loop {
        every.tick().await;
        let asked = tokio::time::timeout(Duration::from_millis(500), ask()).await;
        if matches!(asked, Ok(Ok(true))) {
            return;
        }
    }
}

impl Drop for Pushpin {
    fn drop(&mut self) {
        // It ends its own processes, which have to leave their folder.
        let kill = format!("kill -TERM {}", self.child.id());
        let told = Command::new("sh").args(["-c", &kill]).status();
        if told.is_ok_and(|status| status.success()) {
            drop(self.child.wait());
        }
    }
}

fn configuration(folder: &Path, ports: &Ports) -> String {
    let folder = folder.display();
    let Ports {
        proxy,
        publish,
        internal: [pull, subscribe, command],
    } = ports;
    format!(
        "[global]
include={{libdir}}/internal.conf
rundir={folder}
ipc_prefix=p-
port_offset=0
[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port={proxy}
logdir={folder}
client_maxconn=100
[proxy]
routesfile={folder}/routes
accept_pushpin_route=true
sig_iss=test
sig_key=test
updates_check=off
zurl_out_specs=ipc://{{rundir}}/{{ipc_prefix}}zurl-in
zurl_out_stream_specs=ipc://{{rundir}}/{{ipc_prefix}}zurl-in-stream
zurl_in_specs=ipc://{{rundir}}/{{ipc_prefix}}zurl-out
[handler]
push_in_spec=tcp://127.0.0.1:{pull}
push_in_sub_specs=tcp://127.0.0.1:{subscribe}
push_in_http_addr=127.0.0.1
push_in_http_port={publish}
command_spec=tcp://127.0.0.1:{command}
"
    )
}
