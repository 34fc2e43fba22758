//! What the user typed. Nothing is looked up or opened here.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use http::header::HeaderName;
use ipnet::IpNet;

use crate::units;

/// Serves programs written for Fastly's Compute platform on your machine.
#[derive(Debug, Parser)]
#[command(
    name = "fastlike",
    version,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// `serve` is what is meant when no command is named.
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a program (the default command)
    Serve(Box<ServeArgs>),
    /// Serve the built-in demo: a generated and a proxied page
    Demo(DemoArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The program: a WebAssembly module, or its text
    #[arg(value_name = "APP.WASM", required_unless_present = "wasm")]
    pub(crate) guest: Option<PathBuf>,

    /// The older spelling of the program's argument
    #[arg(long, value_name = "FILE", hide = true, conflicts_with = "guest")]
    pub(crate) wasm: Option<PathBuf>,

    /// Read backends, stores and geolocation from this manifest
    #[arg(short = 'C', long, value_name = "FASTLY.TOML")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) listen: ListenArgs,

    /// Send requests to the backend NAME to this URL; may be repeated
    #[arg(long = "backend", value_name = "NAME=URL", value_parser = named_url)]
    pub(crate) backends: Vec<NamedUrl>,

    /// Send requests to every other backend to this URL
    #[arg(long, value_name = "URL")]
    pub(crate) proxy_to: Option<String>,

    /// Show a failed program's backtrace in the response; auto: only while
    /// listening on a loopback address
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Backtraces::Auto)]
    pub(crate) backtraces: Backtraces,

    /// Answer geolocation from this MaxMind database; may be repeated
    #[arg(long, value_name = "DB.MMDB")]
    pub(crate) geo: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) clients: ClientArgs,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,

    #[command(flatten)]
    pub(crate) hand_off: HandOffArgs,

    #[command(flatten)]
    pub(crate) cache: CacheArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,

    #[command(flatten)]
    pub(crate) viceroy: ViceroyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) listen: ListenArgs,

    #[command(flatten)]
    pub(crate) cache: CacheArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListenArgs {
    /// Listen on this address; port 0 takes a free one
    #[arg(
        long,
        visible_alias = "addr",
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:7676"
    )]
    pub(crate) bind: String,
}

/// How clients connect, and who of them is believed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Clients")]
pub(crate) struct ClientArgs {
    /// Serve https, with a certificate that is made for this machine and kept
    #[arg(long, group = "identity", conflicts_with = "tls_cert")]
    pub(crate) tls: bool,

    /// Serve https with this certificate chain (PEM), read again when it changes
    #[arg(long, group = "identity", value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Ask clients for a certificate of these authorities (PEM); the program
    /// is told what it is worth
    #[arg(long, value_name = "FILE", requires = "identity")]
    pub(crate) tls_client_ca: Option<PathBuf>,

    /// Believe peers of this network what they say about clients, also in
    /// headers such as x-fastly-bot-analyzed; may be repeated
    #[arg(long = "trust", value_name = "CIDR", value_parser = network)]
    pub(crate) trusted: Vec<IpNet>,

    /// Expect the PROXY protocol (version 1 or 2) from trusted peers
    #[arg(long, requires = "trusted")]
    pub(crate) proxy_protocol: bool,

    /// Take the client's address from this header of trusted peers
    #[arg(long, value_name = "NAME", requires = "trusted")]
    pub(crate) client_ip_header: Option<HeaderName>,
}

/// Each is the runtime's default if it is not given.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// CPU time of one request [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) cpu_limit: Option<Duration>,

    /// Time of one request, waiting included [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) wall_limit: Option<Duration>,

    /// Memory of one request [default: 128MiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub(crate) heap_limit: Option<u64>,

    /// Requests that run at the same time [default: 1000]
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) max_sandboxes: Option<usize>,

    /// Prepare this many sandboxes before the first request
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) warm_up: Option<usize>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Hand-offs")]
pub(crate) struct HandOffArgs {
    /// Hand Fanout requests off to the Pushpin on this port of 127.0.0.1; 0 for
    /// none
    #[arg(long, value_name = "PORT")]
    pub(crate) local_pushpin_proxy_port: Option<u16>,

    /// Whether the program may hand WebSockets off to backends [default: true]
    #[arg(long, value_name = "true|false", hide_possible_values = true)]
    pub(crate) enable_local_websocket_passthrough: Option<bool>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Compilation")]
pub(crate) struct CacheArgs {
    /// Keep compiled programs here [default: `fastlike` in the user's cache folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) compile_cache: Option<PathBuf>,

    /// Compile at each start
    #[arg(long, conflicts_with = "compile_cache")]
    pub(crate) no_compile_cache: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Say more; -vv and -vvv say still more
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Do not print a line per request
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// How to print: for people, or one JSON object a line
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Human)]
    pub(crate) log_format: LogFormat,

    /// Put `stdout :: ` before each line that the program prints
    #[arg(long)]
    pub(crate) log_stdout: bool,

    /// Put `stderr :: ` before each line that the program prints as an error
    #[arg(long)]
    pub(crate) log_stderr: bool,
}

/// Flags that the official tools pass to their own runtime. They are taken,
/// and what they ask for is said to be missing.
#[derive(Debug, Args)]
pub(crate) struct ViceroyArgs {
    #[arg(long, hide = true, value_name = "STRATEGY")]
    pub(crate) profile: Option<String>,

    #[arg(long, hide = true, value_enum)]
    pub(crate) unknown_import_behavior: Option<UnknownImports>,

    #[arg(long, hide = true)]
    pub(crate) debug: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backtraces {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Human,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UnknownImports {
    LinkError,
    Trap,
    ZeroOrNull,
}

/// The value of `--backend`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedUrl {
    pub(crate) name: String,
    pub(crate) url: String,
}

fn named_url(text: &str) -> Result<NamedUrl, String> {
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && !url.is_empty() => Ok(NamedUrl {
            name: name.to_owned(),
            url: url.to_owned(),
        }),
        _ => Err("write NAME=URL, as in api=https://api.example.com".to_owned()),
    }
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| address())
        .map_err(|_| "write an address or a network, as 10.0.0.0/8 or ::1".to_owned())
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it must be more than zero".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("write a whole number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn serve(line: &str) -> ServeArgs {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{error}"));
        match cli.command {
            None => cli.serve,
            Some(Command::Serve(args)) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_official_tools_command_line_is_understood() {
        let args = serve(
            "fastlike -v -C /p/fastly.toml --addr 127.0.0.1:7676 ./bin/main.wasm \
             --debug --profile=guest,guest-profiles --local-pushpin-proxy-port=7677 -vv",
        );
        assert_eq!(args.guest, Some(PathBuf::from("./bin/main.wasm")));
        assert_eq!(args.config, Some(PathBuf::from("/p/fastly.toml")));
        assert_eq!(args.listen.bind, "127.0.0.1:7676");
        assert_eq!(args.output.verbose, 3);
        assert!(args.viceroy.debug);
        assert_eq!(args.hand_off.local_pushpin_proxy_port, Some(7677));
        assert_eq!(
            args.viceroy.profile.as_deref(),
            Some("guest,guest-profiles")
        );
    }

    #[test]
    fn serve_need_not_be_named_and_flags_go_anywhere() {
        for line in [
            "fastlike serve app.wasm --bind localhost:5000",
            "fastlike app.wasm --bind localhost:5000",
            "fastlike --bind=localhost:5000 app.wasm",
            "fastlike --wasm app.wasm --addr localhost:5000",
            "fastlike serve --wasm app.wasm --addr localhost:5000",
        ] {
            let args = serve(line);
            assert_eq!(
                args.guest.or(args.wasm),
                Some(PathBuf::from("app.wasm")),
                "{line}"
            );
            assert_eq!(args.listen.bind, "localhost:5000", "{line}");
        }
    }

    #[test]
    fn flags_about_clients_need_what_makes_them_useful() {
        let good = |flags: &str| {
            Cli::try_parse_from(format!("fastlike x.wasm {flags}").split(' ')).is_ok()
        };
        assert!(good("--tls --tls-client-ca ca.pem"));
        assert!(good("--tls-cert a --tls-key b --tls-client-ca ca.pem"));
        assert!(good(
            "--trust 10.0.0.0/8 --trust ::1 --proxy-protocol --client-ip-header X-Real-IP"
        ));
        for wrong in [
            "--tls --tls-cert a --tls-key b",
            "--tls-cert a",
            "--tls-key b",
            "--tls-client-ca ca.pem",
            "--proxy-protocol",
            "--client-ip-header x",
            "--trust localhost",
            "--trust 10.0.0.0/33",
        ] {
            assert!(!good(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_backend_is_a_name_and_a_url() {
        let args = serve("fastlike app.wasm --backend a=http://a --backend b=http://b/?x=y");
        let expected = |name: &str, url: &str| NamedUrl {
            name: name.into(),
            url: url.into(),
        };
        assert_eq!(
            args.backends,
            [expected("a", "http://a"), expected("b", "http://b/?x=y")]
        );
        for wrong in ["a", "=http://a", "a="] {
            assert!(
                Cli::try_parse_from(["fastlike", "x.wasm", "--backend", wrong]).is_err(),
                "{wrong}"
            );
        }
    }
}
