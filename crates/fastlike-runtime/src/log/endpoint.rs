//! What a log endpoint is configured with.

use std::fmt;
use std::path::PathBuf;

use http::HeaderMap;

use crate::limits;

/// A log endpoint that lines are delivered from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LogEndpoint {
    /// Where its lines go.
    pub target: LogTarget,
    /// What they look like there.
    pub format: LogFormat,
    /// Lines that may wait; 10,000.
    pub queue_lines: usize,
    /// Bytes of lines that may wait; 8 MiB.
    pub queue_bytes: usize,
}

impl LogEndpoint {
    /// An endpoint whose lines go to `target` as the guest writes them.
    pub fn new(target: LogTarget) -> Self {
        Self {
            target,
            format: LogFormat::default(),
            queue_lines: limits::LOG_QUEUE_LINES,
            queue_bytes: limits::LOG_QUEUE_BYTES,
        }
    }

    /// The same with lines of another form.
    #[must_use]
    pub fn format(mut self, format: LogFormat) -> Self {
        self.format = format;
        self
    }
}

/// What a line looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// The message, with its line breaks as `\n`.
    #[default]
    Raw,
    /// One JSON object with `timestamp`, `endpoint` and `message`.
    Json,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum LogTarget {
    /// Where the program's standard output goes: see
    /// [`Builder::log_endpoint`](crate::Builder::log_endpoint).
    Stdout,
    /// Where the program's standard error goes.
    Stderr,
    /// To the end of a file, which is made if its folder is there, and opened
    /// again when it was renamed or removed.
    File(PathBuf),
    /// To a TCP server at `HOST:PORT`, each with a line feed.
    Tcp(String),
    /// To a syslog server.
    Syslog(SyslogLog),
    /// To an HTTP server, many at a time.
    Http(HttpLog),
}

/// A syslog server and what it is told (RFC 5424).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogLog {
    /// How it is reached.
    pub transport: SyslogTransport,
    /// The number of the facility; 16, which is `local0`.
    pub facility: u8,
    /// The name of this machine; `localhost`. Visible ASCII only.
    pub hostname: String,
    /// The name of this program; `fastlike`. Visible ASCII only.
    pub app_name: String,
}

impl Default for SyslogLog {
    fn default() -> Self {
        Self {
            transport: SyslogTransport::Unix(PathBuf::from("/dev/log")),
            facility: 16,
            hostname: "localhost".to_owned(),
            app_name: "fastlike".to_owned(),
        }
    }
}

/// How a syslog server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyslogTransport {
    /// A datagram a message, to `HOST:PORT` (RFC 5426).
    Udp(String),
    /// A connection to `HOST:PORT`, with each message's length before it (RFC
    /// 6587 section 3.4.1).
    Tcp(String),
    /// The socket at a path: a datagram a message or, if it is one of streams,
    /// as over TCP.
    Unix(PathBuf),
}

/// An HTTP server that lines are posted to.
#[derive(Clone, PartialEq)]
pub struct HttpLog {
    /// The whole URL.
    pub url: String,
    /// Headers of each request. Without a `content-type`, that of the lines'
    /// form is sent.
    pub headers: HeaderMap,
}

impl fmt::Debug for HttpLog {
    /// Headers may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.keys().map(|name| name.as_str()).collect();
        f.debug_struct("HttpLog")
            .field("url", &shown(&self.url))
            .field("headers", &names)
            .finish()
    }
}

/// A URL without its query, which may hold a token.
fn shown(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

impl fmt::Display for LogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => write!(f, "stdout"),
            Self::Stderr => write!(f, "stderr"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Tcp(address) => write!(f, "tcp {address}"),
            Self::Syslog(syslog) => match &syslog.transport {
                SyslogTransport::Udp(address) => write!(f, "syslog udp {address}"),
                SyslogTransport::Tcp(address) => write!(f, "syslog tcp {address}"),
                SyslogTransport::Unix(path) => write!(f, "syslog {}", path.display()),
            },
            Self::Http(http) => write!(f, "{}", shown(&http.url)),
        }
    }
}
