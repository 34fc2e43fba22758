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
//! One section is one module here (`backends`, `config_stores`, …); `raw`
//! walks the file, `resolve` reads the files it names.

mod backends;
mod certificates;
mod config_stores;
mod connections;
mod contents;
mod fastly_keys;
mod geolocation;
mod healthcheck;
mod problem;
mod pushpin;
mod raw;
mod resolve;
mod shielding_sites;
mod suggest;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use backends::BackendSettings;
pub use certificates::ClientCertificate;
pub use config_stores::ConfigStoreSettings;
pub use connections::ConnectionSettings;
pub use geolocation::Geolocation;
pub use problem::{Error, Problem, Warning};

use problem::Log;
use raw::{Section, Source};
use resolve::Files;

use crate::shield::ShieldSite;

/// The newest `manifest_version` that this reads, the same as the official
/// CLI's.
const MANIFEST_VERSION: u64 = 3;

/// Sections of `[local_server]` that other tools read and this does not yet.
const NOT_SUPPORTED: &[&str] = &[
    "kv_stores",
    "object_stores",
    "object_store",
    "secret_stores",
    "acls",
    "device_detection",
];

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
    /// `[local_server.backends]`, by name.
    pub backends: BTreeMap<String, BackendSettings>,
    /// `[local_server.config_stores]` and `[local_server.dictionaries]`, by
    /// name.
    pub config_stores: BTreeMap<String, ConfigStoreSettings>,
    /// `[local_server.geolocation]`.
    pub geolocation: Geolocation,
    /// `fake_valid_fastly_keys`.
    pub fastly_keys: Vec<String>,
    /// `[local_server.shielding_sites]`, by name.
    pub shielding_sites: BTreeMap<String, ShieldSite>,
    /// The `proxy_port` of `[local_server.pushpin]`, if that is switched on.
    pub pushpin: Option<u16>,
}

impl Manifest {
    /// Reads `path` and the files it names.
    ///
    /// A relative path in it is looked up in the manifest's folder first,
    /// then in the working directory.
    ///
    /// # Errors
    /// [`Error::Read`] when the file itself cannot be read, else
    /// [`Error::Invalid`] with every problem found.
    pub fn load(path: impl AsRef<Path>) -> Result<(Self, Vec<Warning>), Error> {
        let path = path.as_ref();
        let text = std::fs::read(path)
            .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other))
            .map_err(|source| Error::Read {
                path: path.to_owned(),
                source,
            })?;
        Self::parse(path, text)
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
        let source = Source::new(path.into(), text.into());
        let files = Files::beside(source.path());
        let mut log = Log::default();
        let manifest =
            raw::document(&source, &mut log).map(|top| read(top, &source, &files, &mut log));
        let (problems, warnings) = log.sorted(source.path());
        match manifest {
            Some(manifest) if problems.is_empty() => Ok((manifest, warnings)),
            _ => Err(Error::Invalid {
                path: source.path().to_owned(),
                problems,
                warnings,
            }),
        }
    }
}

fn read(mut top: Section<'_>, source: &Source, files: &Files, log: &mut Log) -> Manifest {
    let mut manifest = Manifest {
        path: source.path().to_owned(),
        ..Manifest::default()
    };
    check_version(&mut top, log);
    if let Some(mut local) = top.section("local_server", log) {
        manifest.backends = backends::read(&mut local, files, log);
        manifest.config_stores = config_stores::read(&mut local, files, log);
        manifest.geolocation = geolocation::read(&mut local, files, log);
        manifest.fastly_keys = fastly_keys::read(&mut local, log);
        manifest.shielding_sites = shielding_sites::read(&mut local, log);
        manifest.pushpin = pushpin::read(&mut local, log);
        warn_unsupported(&mut local, log);
        // Read by the official CLI alone, which picks the runtime's version by it.
        local.skip("viceroy_version");
        local.finish(log);
    }
    warn_misspelt_local_server(&top, log);
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

/// One warning for all of them: a project that uses several would otherwise
/// drown its other warnings.
fn warn_unsupported(local: &mut Section<'_>, log: &mut Log) {
    let found: Vec<_> = NOT_SUPPORTED
        .iter()
        .filter_map(|&name| Some((name, local.take(name)?)))
        .collect();
    let Some((_, first)) = found.iter().min_by_key(|(_, item)| item.start()) else {
        return;
    };
    let names: Vec<_> = found.iter().map(|(name, _)| format!("`{name}`")).collect();
    let (noun, verb) = if names.len() == 1 {
        ("section", "is")
    } else {
        ("sections", "are")
    };
    log.warn(
        first
            .problem_at_key(format!(
                "{noun} {} of [local_server] {verb} not supported yet",
                names.join(", ")
            ))
            .help("programs that use them are told that there is no such store or feature"),
    );
}

/// `[local-server]` is a key of nobody's, which every tool ignores in silence.
fn warn_misspelt_local_server(top: &Section<'_>, log: &mut Log) {
    for item in top.rest() {
        if !TOP_LEVEL.contains(&item.name())
            && suggest::nearest(item.name(), ["local_server"]).is_some()
        {
            log.warn(
                item.problem_at_key("unknown section")
                    .help("did you mean `local_server`?"),
            );
        }
    }
}
