//! What clients notice of reloads: nothing.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::load::{self, Load};
use super::server::{Origin, Runtime};

const CONNECTIONS: u32 = 32;

/// How long the program stays the same.
const PAUSE: Duration = Duration::from_millis(500);

/// Serves a program with `--watch`, replaces it again and again while clients
/// ask, and prints how that went.
///
/// # Errors
/// If a request failed, or nothing was reloaded.
pub(super) fn measure(guest: &Path, origin: &Origin, seconds: u32, dir: &Path) -> Result<()> {
    let wasm = fs::read(guest).with_context(|| format!("can't read {}", guest.display()))?;
    let watched = dir.join("watched.wasm");
    fs::write(&watched, &wasm)?;
    let server = Runtime::fastlike().serve_watching(&watched, origin, dir)?;
    let (done, ended) = channel::<()>();
    let replace_until_done = move || -> Result<()> {
        let mut number = 0u8;
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(PAUSE) {
            number = number.wrapping_add(1);
            replace(&watched, &wasm, number)?;
        }
        Ok(())
    };
    let loaded = thread::scope(|scope| -> Result<_> {
        let replacing = scope.spawn(replace_until_done);
        let load = Load {
            path: "/",
            body: 0,
            headers: 0,
        };
        let loaded = load::wrk(&load, server.port, CONNECTIONS, seconds, dir);
        drop(done);
        match replacing.join() {
            Ok(replaced) => replaced?,
            Err(_) => bail!("the thread that replaces the program panicked"),
        }
        loaded
    })?;
    let said = fs::read_to_string(server.log()).unwrap_or_default();
    let reloads = said.matches("Reloaded in").count();
    println!(
        "{reloads} reloads in {seconds} s under load: {} requests, {} failed, p99 {:.1} ms",
        loaded.requests,
        loaded.errors,
        loaded.p99.as_secs_f64() * 1e3,
    );
    if loaded.errors > 0 || reloads == 0 {
        bail!("requests failed, or nothing was reloaded");
    }
    Ok(())
}

/// Puts a program in the old one's place that does the same and is compiled
/// anew: it has a custom section with a number.
fn replace(path: &Path, wasm: &[u8], number: u8) -> Result<()> {
    let section = [0, 3, 1, b'n', number];
    let fresh = path.with_extension("fresh");
    fs::write(&fresh, [wasm, &section].concat())?;
    fs::rename(&fresh, path)?;
    Ok(())
}
