//! `fastly.toml`: what its `[local_server]` configures, as plain data.
//!
//! ```toml
//! [local_server.backends.api]          # BackendSettings
//! url = "https://api.example.com"
//!
//! [local_server.config_stores.flags]   # ConfigStoreSettings
//! format = "inline-toml"
//! contents = { colour = "blue" }
//!
//! [[local_server.kv_stores.sessions]]   # KvStoreSettings
//! key = "greeting"
//! data = "hello"
//!
//! [[local_server.secret_stores.keys]]   # SecretStoreSettings
//! key = "password"
//! env = "PASSWORD"
//!
//! [local_server.acls]                  # AclSettings
//! clients = "clients.json"
//!
//! [local_server.geolocation]           # Geolocation
//! format = "inline-toml"
//! [local_server.geolocation.addresses."192.0.2.0/24"]
//! city = "Lisbon"
//!
//! [local_server.shielding_sites]       # ShieldSite
//! "pdx-or-us" = "Local"
//! "bfi-wa-us" = { unencrypted = "http://127.0.0.1:7777", encrypted = "http://127.0.0.1:7777" }
//! ```
//!
//! Everything wrong in a file is reported at once, each [`Problem`] with its
//! place and a mend. The official CLI owns the rest of the file and adds keys
//! to it over time, so an unknown key is a warning and never an error.
//!
//! One section is one module here (`backends`, `config_stores`, …); `syntax`
//! parses the file, `raw` walks it, `source` points into it without showing
//! `secrets`; `resolve` reads the files it names, `json` those that are JSON.

mod acls;
mod backends;
mod certificates;
mod client_signals;
mod config_stores;
mod connections;
mod contents;
mod device_detection;
mod env;
mod fastly_keys;
mod geolocation;
mod healthcheck;
mod inspect;
mod json;
mod kv_stores;
mod limits;
mod log_endpoints;
mod problem;
mod products;
mod pushpin;
mod raw;
mod resolve;
mod scripts;
mod secret_stores;
mod secrets;
mod service;
mod shielding_sites;
mod source;
mod suggest;
mod surroundings;
mod syntax;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use acls::AclSettings;
pub use backends::BackendSettings;
pub use certificates::ClientCertificate;
pub use client_signals::ClientSignalSettings;
pub use config_stores::ConfigStoreSettings;
pub use connections::ConnectionSettings;
pub use geolocation::Geolocation;
pub use kv_stores::KvStoreSettings;
pub use problem::{Error, Problem, Warning};
pub use scripts::Scripts;
pub use secret_stores::SecretStoreSettings;

pub use service::ServiceSettings;
pub use surroundings::{Surroundings, Unusable};

use problem::Log;
use raw::Section;
use resolve::Files;
use source::Source;

use crate::device::DeviceRecord;
use crate::inspect::Verdict;
use crate::limits::Limits;
use crate::log::LogEndpoint;
use crate::products::Products;
use crate::shield::ShieldSite;

/// The newest `manifest_version` that this reads, the same as the official
/// CLI's.
const MANIFEST_VERSION: u64 = 3;

/// The keys that the official CLI keeps beside `local_server`; needed only to
/// tell a misspelt `local_server` from one of these.
const TOP_LEVEL: &[&str] = &[
    "local_server",
    "authors",
    "cloned_from",
    "description",
    "language",
    "manifest_version",
    "name",
    "profile",
    "scripts",
    "service_id",
    "setup",
];

/// What a `fastly.toml` says about the local server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manifest {
    /// Where it was read from.
    pub path: PathBuf,
    /// Every file that it was read from, itself included, and where files were
    /// looked for before they were found elsewhere: a change of one of them is
    /// a change of what this says.
    pub files: Vec<PathBuf>,
    /// `language` and `[scripts]`.
    pub scripts: Scripts,
    /// `[local_server.backends]`, by name.
    pub backends: BTreeMap<String, BackendSettings>,
    /// `[local_server.config_stores]` and `[local_server.dictionaries]`, by
    /// name.
    pub config_stores: BTreeMap<String, ConfigStoreSettings>,
    /// `[local_server.kv_stores]`, `[local_server.object_stores]` and
    /// `[local_server.object_store]`, by name.
    pub kv_stores: BTreeMap<String, KvStoreSettings>,
    /// `[local_server.secret_stores]`, by name.
    pub secret_stores: BTreeMap<String, SecretStoreSettings>,
    /// `[local_server.acls]`, by name.
    pub acls: BTreeMap<String, AclSettings>,
    /// `[local_server.device_detection]`, by exact user agent.
    pub devices: BTreeMap<String, DeviceRecord>,
    /// `[local_server.geolocation]`.
    pub geolocation: Geolocation,
    /// `fake_valid_fastly_keys`.
    pub fastly_keys: Vec<String>,
    /// `[local_server.shielding_sites]`, by name.
    pub shielding_sites: BTreeMap<String, ShieldSite>,
    /// The `proxy_port` of `[local_server.pushpin]`, if that is switched on.
    pub pushpin: Option<u16>,
    /// `[local_server.env]`: variables of the program.
    pub env: BTreeMap<String, String>,
    /// `[local_server.service]`.
    pub service: ServiceSettings,
    /// `[local_server.limits]`.
    pub limits: Limits,
    /// `[local_server.products]`.
    pub products: Products,
    /// `[local_server.client_signals]`.
    pub client_signals: ClientSignalSettings,
    /// `[local_server.inspect]`: the verdict on inspected requests.
    pub inspect: Option<Verdict>,
    /// `[local_server.log_endpoints]`, by name.
    pub log_endpoints: BTreeMap<String, LogEndpoint>,
}

impl Manifest {
    /// Reads `path` and the files it names, in [no surroundings][Surroundings::new].
    ///
    /// A relative path in it is looked up in the manifest's folder first,
    /// then in the working directory.
    ///
    /// # Errors
    /// [`Error::Read`] when the file itself cannot be read, else
    /// [`Error::Invalid`] with every problem found.
    pub fn load(path: impl AsRef<Path>) -> Result<(Self, Vec<Warning>), Error> {
        Self::load_with(path, Surroundings::new())
    }

    /// As [`Manifest::load`], with what only its reader knows.
    ///
    /// # Errors
    /// As [`Manifest::load`].
    pub fn load_with(
        path: impl AsRef<Path>,
        surroundings: Surroundings<'_>,
    ) -> Result<(Self, Vec<Warning>), Error> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        match String::from_utf8(bytes) {
            Ok(text) => Self::parse_with(path, text, surroundings),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                Err(Error::Invalid {
                    path: path.to_owned(),
                    problems: vec![syntax::not_utf8(path, error.as_bytes(), at)],
                    warnings: Vec::new(),
                    files: vec![path.to_owned()],
                })
            }
        }
    }

    /// As [`Manifest::load`] with the file's text at hand; `path` says where
    /// it came from.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every problem found.
    pub fn parse(
        path: impl Into<PathBuf>,
        text: impl Into<String>,
    ) -> Result<(Self, Vec<Warning>), Error> {
        Self::parse_with(path, text, Surroundings::new())
    }

    /// As [`Manifest::parse`], with what only its reader knows.
    ///
    /// # Errors
    /// As [`Manifest::parse`].
    pub fn parse_with(
        path: impl Into<PathBuf>,
        text: impl Into<String>,
        surroundings: Surroundings<'_>,
    ) -> Result<(Self, Vec<Warning>), Error> {
        let source = Source::new(path.into(), text.into());
        let files = Files::beside(source.path());
        let mut log = Log::default();
        let manifest = syntax::document(&source, &mut log)
            .map(|top| read(top, &source, &files, surroundings, &mut log));
        let (problems, warnings) = log.sorted(source.path());
        let mut files = files.looked_at();
        files.insert(0, source.path().to_owned());
        match manifest {
            Some(manifest) if problems.is_empty() => Ok((Self { files, ..manifest }, warnings)),
            _ => Err(Error::Invalid {
                path: source.path().to_owned(),
                problems,
                warnings,
                files,
            }),
        }
    }
}

fn read(
    mut top: Section<'_>,
    source: &Source,
    files: &Files,
    surroundings: Surroundings<'_>,
    log: &mut Log,
) -> Manifest {
    let mut manifest = Manifest {
        path: source.path().to_owned(),
        ..Manifest::default()
    };
    check_version(&mut top, log);
    manifest.scripts = scripts::read(&mut top, files, log);
    let local = top.section("local_server", log);
    let mut local = local.unwrap_or_else(|| Section::empty(source));
    manifest.backends = backends::read(&mut local, files, log);
    manifest.config_stores = config_stores::read(&mut local, files, log);
    manifest.kv_stores = kv_stores::read(&mut local, files, log);
    manifest.secret_stores = secret_stores::read(&mut local, files, surroundings, log);
    manifest.acls = acls::read(&mut local, files, log);
    manifest.devices = device_detection::read(&mut local, files, log);
    manifest.geolocation = geolocation::read(&mut local, files, surroundings, log);
    manifest.fastly_keys = fastly_keys::read(&mut local, log);
    manifest.shielding_sites = shielding_sites::read(&mut local, log);
    manifest.pushpin = pushpin::read(&mut local, log);
    manifest.env = env::read(&mut local, log);
    manifest.service = service::read(&mut local, log);
    manifest.limits = limits::read(&mut local, log);
    manifest.products = products::read(&mut local, log);
    manifest.client_signals = client_signals::read(&mut local, log);
    manifest.inspect = inspect::read(&mut local, log);
    manifest.log_endpoints = log_endpoints::read(&mut local, files, log);
    // Read by the official CLI alone, which picks the runtime's version by it.
    local.skip("viceroy_version");
    warn_misplaced(&top, local.known(), log);
    local.finish(log);
    manifest
}

/// `manifest_version` is a number, or a string in older files ("0.1.0", "1").
fn check_version(top: &mut Section<'_>, log: &mut Log) {
    let Some(item) = top.take("manifest_version") else {
        return;
    };
    let text = item.scalar();
    match text
        .as_deref()
        .and_then(|t| t.split('.').next())
        .map(str::parse::<u64>)
    {
        Some(Ok(major)) if major <= MANIFEST_VERSION => {}
        Some(Ok(major)) => log.error(
            item.problem(format!("manifest version {major} is not supported"))
                .help(format!(
                    "the newest version that fastlike reads is {MANIFEST_VERSION}"
                )),
        ),
        _ => log.error(
            item.problem(format!("{} is not a manifest version", item.describe()))
                .help(format!("write `manifest_version = {MANIFEST_VERSION}`")),
        ),
    }
}

/// `[local-server]` and `[backends.api]` are keys of nobody's, which every
/// tool ignores in silence.
fn warn_misplaced(top: &Section<'_>, sections: &[&str], log: &mut Log) {
    let others = top.rest().iter();
    for item in others.filter(|item| !TOP_LEVEL.contains(&item.name())) {
        let name = item.name();
        let help = if sections.contains(&name) && item.value().is_table() {
            format!("did you mean `[local_server.{name}]`?")
        } else if suggest::nearest(name, ["local_server"]).is_some() {
            "did you mean `local_server`?".to_owned()
        } else {
            continue;
        };
        log.warn(item.problem_at_key("unknown section").help(help));
    }
}
