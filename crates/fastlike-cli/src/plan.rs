//! What the arguments mean: files read, URLs parsed, settings checked. The
//! commands only carry it out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fastlike_geo::MmdbGeo;
use fastlike_runtime::manifest::{Geolocation, Manifest, Warning};
use fastlike_runtime::{
    Backend, Builder, Fastlike, LayeredGeo, Limits, LocalGeo, Origin, ShieldSite,
};

use crate::args::{
    Backtraces, CacheArgs, HandOffArgs, LimitArgs, ServeArgs, UnknownImports, ViceroyArgs,
};
use crate::clients::ClientPlan;
use crate::failure::Failure;

/// What is taken from the environment, by the names it has there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    pub(crate) variables: BTreeMap<String, String>,
}

impl Environment {
    /// The process's own.
    pub(crate) fn of_process() -> Self {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(unicode).collect(),
        }
    }

    /// A variable that is set to something.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// `fastlike` in the user's folder for caches (XDG base directories).
    fn compile_cache(&self) -> Option<PathBuf> {
        let caches = match self.get("XDG_CACHE_HOME") {
            // The specification tells to ignore a relative one.
            Some(folder) if Path::new(folder).is_absolute() => PathBuf::from(folder),
            _ => Path::new(self.get("HOME")?).join(".cache"),
        };
        Some(caches.join("fastlike"))
    }
}

/// Everything that `serve` needs, found to be in order.
pub(crate) struct ServePlan {
    pub(crate) guest: PathBuf,
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) backends: Vec<PlannedBackend>,
    /// Where requests to all other backends go.
    pub(crate) proxy_to: Option<PlannedBackend>,
    pub(crate) config_stores: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) shields: BTreeMap<String, ShieldSite>,
    /// The Pushpin's port on the loopback address.
    pub(crate) pushpin: Option<u16>,
    pub(crate) websockets: bool,
    pub(crate) geo: LayeredGeo,
    pub(crate) clients: ClientPlan,
    pub(crate) fastly_keys: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) warm_up: Option<usize>,
    pub(crate) compile_cache: Option<PathBuf>,
    pub(crate) backtraces: Backtraces,
    pub(crate) manifest_warnings: Vec<Warning>,
    pub(crate) warnings: Vec<String>,
}

/// A backend with its URL, to show.
pub(crate) struct PlannedBackend {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) origin: Origin,
}

impl ServePlan {
    pub(crate) fn new(args: ServeArgs, environment: &Environment) -> Result<Self, Failure> {
        let guest = args
            .guest
            .or(args.wasm)
            .ok_or_else(|| Failure::new("no program is named"))?;
        let (manifest, manifest_warnings) = manifest(args.config.as_deref())?;
        let mut named = BTreeSet::new();
        let mut backends = Vec::new();
        for flag in args.backends {
            if !named.insert(flag.name.clone()) {
                let message = format!("the backend `{}` is given twice", flag.name);
                return Err(Failure::new(message).help("keep one `--backend` of this name"));
            }
            let example = format!("write `--backend {}=https://HOST`", flag.name);
            let origin = Origin::new(&flag.url).map_err(|error| {
                Failure::new(format!("backend `{}`: {error}", flag.name)).help(example)
            })?;
            backends.push(PlannedBackend {
                name: flag.name,
                url: flag.url,
                origin,
            });
        }
        for (name, settings) in &manifest.backends {
            // What is typed counts more than what is written in a file.
            if named.contains(name) {
                continue;
            }
            let origin = settings
                .origin()
                .map_err(|error| Failure::new(format!("backend `{name}`: {error}")))?;
            backends.push(PlannedBackend {
                name: name.clone(),
                url: settings.url.clone(),
                origin,
            });
        }
        let compile_cache = compile_cache(&args.cache, environment);
        Ok(Self {
            guest,
            listen: addresses(&args.listen.bind)?,
            backends,
            proxy_to: args.proxy_to.map(proxy_to).transpose()?,
            config_stores: stores(&manifest),
            pushpin: pushpin(&args.hand_off, &manifest),
            websockets: args
                .hand_off
                .enable_local_websocket_passthrough
                .unwrap_or(true),
            shields: manifest.shielding_sites,
            geo: geo(manifest.geolocation, args.geo)?,
            clients: ClientPlan::new(args.clients, compile_cache.as_deref())?,
            fastly_keys: manifest.fastly_keys,
            limits: limits(&args.limits),
            warm_up: args.limits.warm_up,
            compile_cache,
            backtraces: args.backtraces,
            manifest_warnings,
            warnings: not_supported(&args.viceroy),
        })
    }

    /// The builder of the service, without what it prints to.
    pub(crate) fn builder(self, listening: &SocketAddr) -> Builder {
        let backtraces = self.backtraces_at(listening);
        let mut builder = Fastlike::builder(self.guest)
            .geo(self.geo)
            .limits(self.limits)
            .valid_fastly_keys(self.fastly_keys)
            .websocket_passthrough(self.websockets)
            .backtraces_in_responses(backtraces);
        for backend in self.backends {
            builder = builder.backend(backend.name, backend.origin);
        }
        if let Some(PlannedBackend { origin, .. }) = self.proxy_to {
            let origin: Arc<dyn Backend> = Arc::new(origin);
            builder = builder.fallback_backend(move |_| Some(Arc::clone(&origin)));
        }
        for (name, entries) in self.config_stores {
            builder = builder.config_store(name, entries);
        }
        for (name, site) in self.shields {
            builder = builder.shield(name, site);
        }
        if let Some(port) = self.pushpin {
            builder = builder.grip_proxy(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string());
        }
        if let Some(directory) = self.compile_cache {
            builder = builder.compile_cache(directory);
        }
        builder
    }

    /// Backtraces help on a laptop and give a server's inside away.
    fn backtraces_at(&self, listening: &SocketAddr) -> bool {
        match self.backtraces {
            Backtraces::Always => true,
            Backtraces::Never => false,
            Backtraces::Auto => listening.ip().is_loopback(),
        }
    }
}

fn manifest(path: Option<&Path>) -> Result<(Manifest, Vec<Warning>), Failure> {
    match path {
        Some(path) => Manifest::load(path).map_err(Failure::Manifest),
        None => Ok(Default::default()),
    }
}

/// The older command took `HOST:PORT`; that is still good here, where there is
/// one URL only.
fn proxy_to(url: String) -> Result<PlannedBackend, Failure> {
    let url = if url.contains("://") {
        url
    } else {
        format!("http://{url}")
    };
    let origin = Origin::new(&url).map_err(|error| {
        Failure::new(format!("--proxy-to: {error}")).help("write `--proxy-to http://HOST:PORT`")
    })?;
    Ok(PlannedBackend {
        name: "*".to_owned(),
        url,
        origin,
    })
}

fn stores(manifest: &Manifest) -> BTreeMap<String, BTreeMap<String, String>> {
    let entries = |(name, store): (&String, &fastlike_runtime::manifest::ConfigStoreSettings)| {
        (name.clone(), store.entries.clone())
    };
    manifest.config_stores.iter().map(entries).collect()
}

/// The port that is typed, where 0 means none, else the manifest's.
fn pushpin(args: &HandOffArgs, manifest: &Manifest) -> Option<u16> {
    args.local_pushpin_proxy_port
        .or(manifest.pushpin)
        .filter(|port| *port != 0)
}

/// The manifest's table first, then the databases; local addresses, of which
/// neither knows anything, get a record that programs can be tried with.
fn geo(settings: Geolocation, databases: Vec<PathBuf>) -> Result<LayeredGeo, Failure> {
    let mut geo = LayeredGeo::new().then(settings.table);
    if !databases.is_empty() {
        let databases = MmdbGeo::open(databases).map_err(|error| {
            let message = format!(
                "geolocation database `{}`: {}",
                error.path().display(),
                error.problem()
            );
            Failure::new(message).help(error.mend())
        })?;
        geo = geo.then(databases);
    }
    Ok(if settings.use_default_loopback {
        geo.then(LocalGeo)
    } else {
        geo
    })
}

fn limits(args: &LimitArgs) -> Limits {
    let mut limits = Limits::default();
    limits.cpu = args.cpu_limit.unwrap_or(limits.cpu);
    limits.wall = args.wall_limit.unwrap_or(limits.wall);
    limits.heap = args.heap_limit.unwrap_or(limits.heap);
    limits.max_sandboxes = args.max_sandboxes.unwrap_or(limits.max_sandboxes);
    limits
}

pub(crate) fn compile_cache(args: &CacheArgs, environment: &Environment) -> Option<PathBuf> {
    match &args.compile_cache {
        _ if args.no_compile_cache => None,
        // The compiler wants it absolute.
        Some(folder) => Some(std::path::absolute(folder).unwrap_or_else(|_| folder.clone())),
        None => environment.compile_cache(),
    }
}

/// All addresses that `HOST:PORT` stands for, IPv4 before IPv6: who types
/// `localhost` expects 127.0.0.1 to work.
pub(crate) fn addresses(bind: &str) -> Result<Vec<SocketAddr>, Failure> {
    let help = "write HOST:PORT, as 127.0.0.1:7676, [::1]:7676 or localhost:0";
    let unknown = |error: std::io::Error| {
        let error = anyhow::Error::new(error).context(format!("cannot listen on `{bind}`"));
        Failure::Error {
            error,
            help: Some(help.to_owned()),
        }
    };
    let mut addresses: Vec<_> = bind.to_socket_addrs().map_err(unknown)?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}

/// One line for each flag whose feature does not exist yet.
fn not_supported(args: &ViceroyArgs) -> Vec<String> {
    let imports = matches!(
        args.unknown_import_behavior,
        Some(UnknownImports::Trap | UnknownImports::ZeroOrNull)
    );
    let given = [
        ("--profile", args.profile.is_some()),
        ("--unknown-import-behavior", imports),
        ("--debug", args.debug),
    ];
    given
        .into_iter()
        .filter(|(_, given)| *given)
        .map(|(flag, _)| format!("{flag} is not supported yet and has no effect"))
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Environment {
            variables: variables.iter().map(owned).collect(),
        }
    }

    fn plan(line: &str) -> Result<ServePlan, Failure> {
        let args = Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{error}"));
        ServePlan::new(args.serve, &environment(&[("HOME", "/home/me")]))
    }

    fn error(line: &str) -> String {
        match plan(line) {
            Ok(_) => panic!("{line} is fine"),
            Err(Failure::Error { error, help }) => {
                format!("{error} | {}", help.unwrap_or_default())
            }
            Err(Failure::Manifest(error)) => error.to_string(),
        }
    }

    #[test]
    fn a_typed_backend_wins_over_the_manifests() {
        let folder = tempfile::tempdir().expect("a folder");
        let manifest = folder.path().join("fastly.toml");
        let text = "[local_server.backends]\na = { url = \"http://file\" }\nb = { url = \"http://file\" }\n";
        std::fs::write(&manifest, text).expect("writable");
        let line = format!(
            "fastlike app.wasm -C {} --backend a=http://typed",
            manifest.display()
        );
        let plan = plan(&line).unwrap_or_else(|_| panic!("{line}"));
        let urls: Vec<_> = plan
            .backends
            .iter()
            .map(|b| (b.name.as_str(), b.url.as_str()))
            .collect();
        assert_eq!(urls, [("a", "http://typed"), ("b", "http://file")]);
    }

    #[test]
    fn what_cannot_be_a_backend_is_said_with_its_mend() {
        let twice = error("fastlike x.wasm --backend a=http://a --backend a=http://b");
        assert_eq!(
            twice,
            "the backend `a` is given twice | keep one `--backend` of this name"
        );
        let scheme = error("fastlike x.wasm --backend a=example.com");
        assert!(
            scheme.starts_with("backend `a`: \"example.com\" is not the URL of an origin"),
            "{scheme}"
        );
        assert!(
            scheme.ends_with("write `--backend a=https://HOST`"),
            "{scheme}"
        );
        assert!(
            error("fastlike x.wasm --proxy-to ftp://a")
                .contains("write `--proxy-to http://HOST:PORT`")
        );
    }

    #[test]
    fn proxy_to_takes_a_bare_host_and_port_as_it_always_has() {
        let plan =
            plan("fastlike x.wasm --proxy-to localhost:8000").unwrap_or_else(|_| panic!("a plan"));
        assert_eq!(
            plan.proxy_to.map(|b| b.url).as_deref(),
            Some("http://localhost:8000")
        );
    }

    #[test]
    fn addresses_are_names_or_numbers_with_a_port() {
        let first = |bind: &str| addresses(bind).ok()?.first().map(ToString::to_string);
        assert_eq!(first("127.0.0.1:0").as_deref(), Some("127.0.0.1:0"));
        assert_eq!(first("[::1]:80").as_deref(), Some("[::1]:80"));
        assert_eq!(first("localhost:5000").as_deref(), Some("127.0.0.1:5000"));
        for wrong in ["", "7676", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999"] {
            assert_eq!(first(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn backtraces_are_shown_on_loopback_only_unless_asked_for() {
        let shown = |flags: &str, at: &str| {
            let plan =
                plan(&format!("fastlike x.wasm{flags}")).unwrap_or_else(|_| panic!("a plan"));
            plan.backtraces_at(&at.parse().expect("an address"))
        };
        assert!(shown("", "127.0.0.1:1") && shown("", "[::1]:1"));
        assert!(!shown("", "0.0.0.0:1") && !shown("", "192.0.2.1:1") && !shown("", "[::]:1"));
        assert!(shown(" --backtraces always", "0.0.0.0:1"));
        assert!(!shown(" --backtraces never", "127.0.0.1:1"));
    }

    #[test]
    fn the_compile_cache_is_in_the_users_cache_folder() {
        let cache = |variables: &[(&str, &str)]| environment(variables).compile_cache();
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(
            cache(&[("HOME", "/home/me")]),
            path("/home/me/.cache/fastlike")
        );
        assert_eq!(
            cache(&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "/c")]),
            path("/c/fastlike")
        );
        assert_eq!(
            cache(&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "c")]),
            path("/home/me/.cache/fastlike")
        );
        assert_eq!(cache(&[]), None);
        let off = plan("fastlike x.wasm --no-compile-cache").unwrap_or_else(|_| panic!("a plan"));
        assert_eq!(off.compile_cache, None);
    }

    #[test]
    fn the_pushpin_is_the_typed_one_else_the_manifests() {
        let folder = tempfile::tempdir().expect("a folder");
        let manifest = folder.path().join("fastly.toml");
        let text = "[local_server.pushpin]\nenable = true\nproxy_port = 7000\n\
                    [local_server.shielding_sites]\npdx = \"Local\"\n";
        std::fs::write(&manifest, text).expect("writable");
        let plan = |flags: &str| {
            let line = format!("fastlike x.wasm -C {}{flags}", manifest.display());
            plan(&line).unwrap_or_else(|_| panic!("{line}"))
        };
        assert_eq!(plan("").pushpin, Some(7000));
        assert_eq!(plan(" --local-pushpin-proxy-port=1").pushpin, Some(1));
        assert_eq!(plan(" --local-pushpin-proxy-port=0").pushpin, None);
        assert!(plan("").websockets);
        assert!(!plan(" --enable-local-websocket-passthrough=false").websockets);
        assert_eq!(plan("").shields["pdx"], ShieldSite::Running);
    }

    #[test]
    fn flags_without_their_feature_are_named() {
        let warnings = |flags: &str| {
            let plan =
                plan(&format!("fastlike x.wasm {flags}")).unwrap_or_else(|_| panic!("a plan"));
            plan.warnings
        };
        assert_eq!(
            warnings("--debug"),
            ["--debug is not supported yet and has no effect"]
        );
        assert_eq!(
            warnings("--profile=guest --unknown-import-behavior=trap").len(),
            2
        );
        let silent = "--unknown-import-behavior=link-error --local-pushpin-proxy-port=1 \
                      --enable-local-websocket-passthrough=true";
        assert_eq!(warnings(silent), Vec::<String>::new());
    }
}
