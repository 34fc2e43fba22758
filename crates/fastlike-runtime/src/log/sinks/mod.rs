//! What delivers lines.

mod datagram;
mod file;
mod http;
mod stream;

use bytes::Bytes;

use self::datagram::Datagrams;
use self::file::LogFile;
use self::http::Posts;
use self::stream::{Framing, Streamed};
use super::endpoint::{LogFormat, LogTarget, SyslogTransport};
use super::endpoints::LogEndpointError;

/// A way to a target.
pub(super) enum Sink {
    File(LogFile),
    Stream(Streamed),
    Datagram(Datagrams),
    Http(Box<Posts>),
}

/// What became of lines so far: a beginning of them arrived or was refused.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) delivered: usize,
    /// Not taken, and never will be.
    pub(super) refused: usize,
}

/// Why lines could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It may work later.
    Passing(String),
    /// Those that are refused always will be.
    Final(String),
}

impl Failure {
    fn io(error: &std::io::Error) -> Self {
        Self::Passing(error.to_string())
    }
}

impl Sink {
    pub(super) fn new(target: &LogTarget, format: LogFormat) -> Result<Self, LogEndpointError> {
        Ok(match target {
            LogTarget::Stdout | LogTarget::Stderr => {
                let why = "a program's output is known to the builder of its service only";
                return Err(LogEndpointError::Target(why.to_owned()));
            }
            LogTarget::File(path) => Self::File(LogFile::open(path)?),
            LogTarget::Tcp(address) => {
                Self::Stream(Streamed::tcp(host_and_port(address)?, Framing::Lines))
            }
            LogTarget::Syslog(syslog) => match &syslog.transport {
                SyslogTransport::Udp(address) => {
                    Self::Datagram(Datagrams::udp(host_and_port(address)?))
                }
                SyslogTransport::Tcp(address) => {
                    Self::Stream(Streamed::tcp(host_and_port(address)?, Framing::Counted))
                }
                SyslogTransport::Unix(path) => Self::Datagram(Datagrams::unix(path.clone())),
            },
            LogTarget::Http(settings) => Self::Http(Box::new(Posts::new(settings, format)?)),
        })
    }

    /// Delivers the lines, and says in `progress` how far it came.
    pub(super) async fn send(
        &mut self,
        lines: &[Bytes],
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        match self {
            Self::File(file) => file.send(lines, progress).await,
            Self::Stream(stream) => stream.send(lines, progress).await,
            Self::Datagram(datagrams) => datagrams.send(lines, progress).await,
            Self::Http(posts) => posts.send(lines, progress).await,
        }
    }

    /// What comes next begins anew.
    pub(super) fn disconnect(&mut self) {
        match self {
            Self::Stream(stream) => stream.disconnect(),
            Self::Datagram(datagrams) => datagrams.disconnect(),
            Self::File(_) | Self::Http(_) => {}
        }
    }

    /// The lines that were sent last are lost: others come next.
    pub(super) fn give_up(&mut self) {
        match self {
            Self::File(file) => file.give_up(),
            // They begin anew in any case.
            Self::Stream(_) | Self::Datagram(_) | Self::Http(_) => {}
        }
    }
}

/// The address, if it is a host and a port.
pub(in crate::log) fn host_and_port(address: &str) -> Result<String, LogEndpointError> {
    let parts = address.rsplit_once(':');
    let good = parts.is_some_and(|(host, port)| {
        let bracketed = host.starts_with('[') && host.ends_with(']');
        !host.is_empty()
            && (bracketed || !host.contains([':', '/', ' ', '@']))
            && port.parse::<u16>().is_ok_and(|port| port != 0)
    });
    if good {
        return Ok(address.to_owned());
    }
    Err(LogEndpointError::Target(format!(
        "{address:?} is no address: write HOST:PORT, as localhost:514 or [::1]:514"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for good in [
            "localhost:514",
            "192.0.2.1:1",
            "[::1]:65535",
            "logs.example:6514",
        ] {
            assert!(host_and_port(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "localhost",
            ":514",
            "localhost:",
            "localhost:0",
            "localhost:65536",
            "::1:514",
            "tcp://a:1",
            "a/b:1",
        ] {
            assert!(host_and_port(wrong).is_err(), "{wrong}");
        }
    }
}
