//! `cargo xtask bench`: how fast a guest is served, beside Viceroy when it is there.
//!
//! Everything runs on this machine and on its loopback address: an nginx as the origin, one server
//! a guest and runtime, and wrk as the client. Runtimes take turns at every measurement, so that a
//! busy moment of the machine hits both. HTTP/2 is measured with h2load, where that is installed.

mod load;
mod memory;
mod reload;
mod report;
mod server;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::guests;
use crate::shell::{self, cargo, has, target};
use load::{Load, Measurement};
use report::Row;
use server::{Origin, Runtime};

const HELP: &str = "\
Measure fastlike, beside Viceroy if a `viceroy` binary is on PATH.

Usage: cargo xtask bench [--seconds N] [--only NAME]

  --seconds N    how long each measurement takes (5)
  --only NAME    only the scenarios whose name contains NAME; `memory` and `reload` are two

Needs wrk and nginx, and h2load for HTTP/2. Prints a table, and writes
target/bench/results.json.
";

/// Connections at a time; with HTTP/2, streams of one connection.
const CONNECTIONS: [u32; 2] = [1, 32];
const STREAMS: [u32; 2] = [1, 100];

/// The scenarios that have no table.
const MEMORY: &str = "memory";
const RELOAD: &str = "reload";

/// One thing to measure.
struct Scenario {
    name: &'static str,
    guest: &'static str,
    load: Load,
    client: Client,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    Wrk,
    H2load,
}

const SCENARIOS: &[Scenario] = &[
    Scenario::get("hello", "hello", "/"),
    Scenario::get("kv", "kv_store_read", "/"),
    Scenario::get("proxy-small", "proxy", "/small"),
    Scenario::get("proxy-64k", "proxy", "/64k"),
    Scenario::get("proxy-10m", "proxy", "/10m"),
    Scenario {
        name: "echo-1m",
        guest: "echo",
        load: Load {
            path: "/",
            body: 1 << 20,
            headers: 0,
        },
        client: Client::Wrk,
    },
    Scenario {
        name: "headers-32",
        guest: "headers_many",
        load: Load {
            path: "/",
            body: 0,
            headers: 32,
        },
        client: Client::Wrk,
    },
    Scenario {
        client: Client::H2load,
        ..Scenario::get("hello-h2", "hello", "/")
    },
    Scenario {
        client: Client::H2load,
        ..Scenario::get("proxy-h2-64k", "proxy", "/64k")
    },
];

impl Scenario {
    const fn get(name: &'static str, guest: &'static str, path: &'static str) -> Self {
        let load = Load {
            path,
            body: 0,
            headers: 0,
        };
        Self {
            name,
            guest,
            load,
            client: Client::Wrk,
        }
    }
}

struct Options {
    seconds: u32,
    only: String,
}

/// Measures what the arguments choose.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let Some(options) = parse(args)? else {
        print!("{HELP}");
        return Ok(());
    };
    let mut chosen: Vec<_> = SCENARIOS
        .iter()
        .filter(|scenario| scenario.name.contains(&options.only))
        .collect();
    let memory = MEMORY.contains(&options.only);
    let reload = RELOAD.contains(&options.only);
    if chosen.is_empty() && !memory && !reload {
        let mut names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        names.extend([MEMORY, RELOAD]);
        bail!(
            "no scenario is called `{}`: there are {}",
            options.only,
            names.join(", ")
        );
    }
    for (program, package) in [("wrk", "wrk"), ("nginx", "nginx-light")] {
        if !has(program) {
            bail!("{program} is missing: on Debian, `apt-get install {package}`");
        }
    }
    if !has("h2load") {
        eprintln!("no h2load on PATH (on Debian, nghttp2-client): HTTP/2 is not measured");
        chosen.retain(|scenario| scenario.client != Client::H2load);
    }

    let guests = guests::build()?;
    shell::run(cargo().args(["build", "--release", "--workspace", "--bins"]))?;
    let mut runtimes = vec![Runtime::fastlike()];
    if has("viceroy") {
        runtimes.push(Runtime::viceroy());
    } else {
        eprintln!("no viceroy on PATH (cargo install viceroy --locked): measuring fastlike alone");
    }

    let dir = target().join("bench");
    fs::create_dir_all(&dir)?;
    let origin = Origin::start(&dir)?;
    let mut rows = Vec::new();
    for scenario in chosen {
        let guest = guests.dir.join(format!("{}.wasm", scenario.guest));
        rows.extend(measure(
            scenario, &runtimes, &guest, &origin, &options, &dir,
        )?);
    }
    report::print(&rows);
    if memory {
        println!();
        let server = Runtime::fastlike().serve(&guests.dir.join("proxy.wasm"), &origin, &dir)?;
        memory::measure(&server)?;
        let guest = guests.dir.join("kv_store_operations.wasm");
        let server = Runtime::fastlike().serve(&guest, &origin, &dir)?;
        memory::stored(&server)?;
    }
    if reload {
        let guest = guests.dir.join("hello.wasm");
        reload::measure(&guest, &origin, options.seconds, &dir)?;
    }
    let results = dir.join("results.json");
    fs::write(&results, report::json(options.seconds, &rows)).context("results.json")?;
    eprintln!("\nwritten to {}", results.display());
    Ok(())
}

fn measure(
    scenario: &Scenario,
    runtimes: &[Runtime],
    guest: &Path,
    origin: &Origin,
    options: &Options,
    dir: &Path,
) -> Result<Vec<Row>> {
    let mut servers = Vec::new();
    for runtime in runtimes {
        servers.push(runtime.serve(guest, origin, dir)?);
    }
    let mut rows = Vec::new();
    let at_a_time = match scenario.client {
        Client::Wrk => CONNECTIONS,
        Client::H2load => STREAMS,
    };
    for connections in at_a_time {
        let mut measured = Vec::new();
        for (runtime, server) in runtimes.iter().zip(&servers) {
            eprintln!(
                "{}: {}, {connections} at a time",
                scenario.name, runtime.name
            );
            let before = server.cpu();
            let (load, port, seconds) = (&scenario.load, server.port, options.seconds);
            let result = match scenario.client {
                Client::Wrk => load::wrk(load, port, connections, seconds, dir)?,
                Client::H2load => load::h2load(load, port, connections, seconds)?,
            };
            measured.push(Measurement {
                runtime: runtime.name,
                cpu: server.cpu().saturating_sub(before),
                peak_memory: server.peak_memory(),
                ..result
            });
        }
        rows.push(Row {
            scenario: scenario.name,
            connections,
            measured,
        });
    }
    Ok(rows)
}

/// The options, or nothing if help was asked for.
fn parse(args: &[String]) -> Result<Option<Options>> {
    let mut options = Options {
        seconds: 5,
        only: String::new(),
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "-h" | "--help" => return Ok(None),
            "--only" => options.only.clone_from(value()?),
            "--seconds" => {
                options.seconds = value()?.parse().context("--seconds takes a whole number")?;
            }
            unknown => bail!("`bench` has no option `{unknown}`; --help lists them"),
        }
    }
    if options.seconds == 0 {
        bail!("--seconds takes a number above 0");
    }
    Ok(Some(options))
}
