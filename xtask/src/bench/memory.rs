//! What things cost in memory: a large body that passes through, many that nobody takes, and
//! stored values.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::server::Server;

/// Bytes of the response that passes through.
pub(super) const LARGE: u64 = 1 << 30;

/// Clients that take the beginning of a large response, and then nothing.
const SLOW_CLIENTS: u64 = 1000;

/// How long the connections get to fill what they may fill.
const SETTLE: Duration = Duration::from_secs(2);

/// Prints what a relay of [`LARGE`] bytes, and slow clients, cost in memory.
pub(super) fn measure(server: &Server) -> Result<()> {
    let before = server.memory();
    let mut client = Client::ask(server.port)?;
    let taken = client.take_all()?;
    if taken < LARGE {
        bail!("the response ended after {taken} bytes");
    }
    drop(client);
    println!(
        "relay of {} MiB: memory was {} MiB before, and at most {} MiB",
        LARGE >> 20,
        before / 1024,
        server.peak_memory() / 1024,
    );

    let before = server.memory();
    let mut clients = Vec::new();
    for _ in 0..SLOW_CLIENTS {
        let mut client = Client::ask(server.port).context("too few open files? try `ulimit -n`")?;
        client.take_some()?;
        clients.push(client);
    }
    std::thread::sleep(SETTLE);
    let more = server.memory().saturating_sub(before);
    println!(
        "{SLOW_CLIENTS} clients that stopped reading: {} MiB more, {} KiB each",
        more / 1024,
        more / SLOW_CLIENTS,
    );
    Ok(())
}

/// Values that are stored, and their size in bytes.
const VALUES: u64 = 10_000;
const VALUE: usize = 1 << 10;

/// Prints what stored values cost in memory.
pub(super) fn stored(server: &Server) -> Result<()> {
    // The first ones get the memory that the start has left.
    store(server, "first")?;
    store(server, "second")?;
    let before = server.memory();
    store(server, "third")?;
    let more = server.memory().saturating_sub(before);
    println!(
        "{VALUES} stored values of {VALUE} bytes: {:.1} MiB more, {} bytes each",
        more as f64 / 1024.0,
        more * 1024 / VALUES,
    );
    Ok(())
}

/// Stores values under keys that begin so, one after another.
fn store(server: &Server, prefix: &str) -> Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let value = "v".repeat(VALUE);
    let mut response = Vec::new();
    for n in 0..VALUES {
        let key = format!("{prefix}/{n:06}");
        let request = format!(
            "POST /bench/insert?{key} HTTP/1.1\r\nhost: bench\r\ncontent-length: {VALUE}\r\n\r\n{value}"
        );
        stream.write_all(request.as_bytes())?;
        response.clear();
        while !response.ends_with(b"\r\n\r\nok") {
            let mut some = [0; 1024];
            match stream.read(&mut some)? {
                0 => bail!(
                    "{key} was not stored: {}",
                    String::from_utf8_lossy(&response)
                ),
                count => response.extend(some.iter().take(count)),
            }
        }
    }
    Ok(())
}

/// A connection whose request was sent.
struct Client(TcpStream);

impl Client {
    fn ask(port: u16) -> Result<Self> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.write_all(b"GET /large HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
        Ok(Self(stream))
    }

    fn take_some(&mut self) -> Result<()> {
        let mut head = [0; 64];
        Ok(self.0.read_exact(&mut head)?)
    }

    /// Bytes to the end of the connection.
    fn take_all(&mut self) -> Result<u64> {
        let mut buffer = vec![0; 256 << 10];
        let mut taken = 0;
        loop {
            match self.0.read(&mut buffer)? {
                0 => return Ok(taken),
                count => taken += count as u64,
            }
        }
    }
}
