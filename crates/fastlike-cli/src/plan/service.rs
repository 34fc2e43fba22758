//! The service itself, wherever it runs.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fastlike_geo::MmdbGeo;
use fastlike_runtime::manifest::{
    AclSettings, ConfigStoreSettings, Geolocation, KvStoreSettings, Manifest, SecretStoreSettings,
    Surroundings, Unusable, Warning,
};
use fastlike_runtime::{
    Backend, Builder, DeviceRecord, Fastlike, Guest, LayeredGeo, LocalGeo, ShieldSite,
    UnknownImports,
};

use super::Environment;
use super::backends::{self, PlannedBackend};
use super::extras::Extras;
use super::manifests;
use crate::args::{CompilationArgs, HandOffArgs, Profile, ServiceArgs};
use crate::failure::Failure;

/// What a program finds, found to be in order.
pub(crate) struct ServicePlan {
    pub(crate) backends: Vec<PlannedBackend>,
    /// Where requests to all other backends go.
    pub(crate) proxy_to: Option<PlannedBackend>,
    pub(crate) config_stores: BTreeMap<String, ConfigStoreSettings>,
    pub(crate) kv_stores: BTreeMap<String, KvStoreSettings>,
    pub(crate) secret_stores: BTreeMap<String, SecretStoreSettings>,
    pub(crate) acls: BTreeMap<String, AclSettings>,
    pub(crate) devices: BTreeMap<String, DeviceRecord>,
    pub(crate) shields: BTreeMap<String, ShieldSite>,
    /// Where KV stores are kept, if not in memory.
    pub(crate) state: Option<PathBuf>,
    /// The Pushpin's port on the loopback address.
    pub(crate) pushpin: Option<u16>,
    pub(crate) websockets: bool,
    pub(crate) geo: LayeredGeo,
    pub(crate) fastly_keys: Vec<String>,
    /// What only fastlike's own sections say.
    pub(crate) extras: Extras,
    pub(crate) compile_cache: Option<PathBuf>,
    pub(crate) unknown_imports: UnknownImports,
    /// Not in the builder: it depends on what the service is for.
    pub(crate) profile: Option<Profile>,
    /// The manifest, and the files that it names.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) manifest_warnings: Vec<Warning>,
    /// On flags that have no effect.
    pub(crate) remarks: Vec<String>,
}

impl ServicePlan {
    pub(crate) fn new(args: ServiceArgs, environment: &Environment) -> Result<Self, Failure> {
        let config = manifests::path(args.config, args.env.as_deref())?;
        let (manifest, manifest_warnings) = manifest(config.as_deref(), environment)?;
        let mut remarks = args.viceroy.remarks();
        let profile = profile(args.program.profile, environment, &mut remarks);
        Ok(Self {
            backends: backends::backends(args.backends, &manifest)?,
            proxy_to: args.proxy_to.map(backends::proxy_to).transpose()?,
            pushpin: pushpin(&args.hand_off, &manifest),
            websockets: args
                .hand_off
                .enable_local_websocket_passthrough
                .unwrap_or(true),
            config_stores: manifest.config_stores,
            kv_stores: manifest.kv_stores,
            secret_stores: manifest.secret_stores,
            acls: manifest.acls,
            devices: manifest.devices,
            shields: manifest.shielding_sites,
            state: args.state.directory,
            extras: Extras {
                env: manifest.env,
                service: manifest.service,
                limits: manifest.limits,
                products: manifest.products,
                client_signals: manifest.client_signals,
                inspect: manifest.inspect,
                log_endpoints: manifest.log_endpoints,
            },
            geo: geo(manifest.geolocation, args.geo)?,
            fastly_keys: manifest.fastly_keys,
            compile_cache: compile_cache(&args.compilation, environment),
            unknown_imports: args.program.unknown_import_behavior.into(),
            profile,
            files: manifest.files,
            manifest_warnings,
            remarks,
        })
    }

    /// The builder of the service, without what it prints to.
    pub(crate) fn builder(self, guest: impl Into<Guest>) -> Builder {
        let mut builder = Fastlike::builder(guest)
            .geo(self.geo)
            .valid_fastly_keys(self.fastly_keys)
            .unknown_imports(self.unknown_imports)
            .websocket_passthrough(self.websockets);
        for backend in self.backends {
            builder = builder.backend(backend.name, backend.origin);
        }
        if let Some(PlannedBackend { origin, .. }) = self.proxy_to {
            let origin: Arc<dyn Backend> = Arc::new(origin);
            builder = builder.fallback_backend(move |_| Some(Arc::clone(&origin)));
        }
        builder = stores(builder, self.config_stores, self.secret_stores, self.acls);
        for (user_agent, record) in &self.devices {
            builder = builder.device(user_agent, record);
        }
        for (name, store) in self.kv_stores {
            builder = builder.kv_store(name, store.entries);
        }
        if let Some(directory) = self.state {
            builder = builder.state_directory(directory);
        }
        builder = self.extras.apply(builder);
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

    /// The backends' names and URLs, to show.
    pub(crate) fn targets(&self) -> Vec<(String, String)> {
        let backends = self.backends.iter().chain(&self.proxy_to);
        backends
            .map(|backend| (backend.name.clone(), backend.url.clone()))
            .collect()
    }
}

/// Nothing listens to VTune's library where VTune has not put its own.
fn profile(
    wanted: Option<Profile>,
    environment: &Environment,
    remarks: &mut Vec<String>,
) -> Option<Profile> {
    if wanted == Some(Profile::VTune) && environment.get("INTEL_LIBITTNOTIFY64").is_none() {
        remarks
            .push("--profile=vtune has no effect: VTune has not started this process".to_owned());
        return None;
    }
    wanted
}

fn manifest(
    path: Option<&Path>,
    environment: &Environment,
) -> Result<(Manifest, Vec<Warning>), Failure> {
    let variable = |name: &str| environment.variables.get(name).cloned();
    // Read once more when it is used; here it is told with all that is wrong.
    let geo_database = |path: &Path| match MmdbGeo::open([path]) {
        Ok(_) => Ok(()),
        Err(error) => Err(Unusable {
            problem: error.problem().to_owned(),
            help: error.mend().to_owned(),
        }),
    };
    let surroundings = Surroundings::new()
        .variable(&variable)
        .geo_database(&geo_database);
    match path {
        Some(path) => Manifest::load_with(path, surroundings).map_err(Failure::Manifest),
        None => Ok(Default::default()),
    }
}

fn stores(
    mut builder: Builder,
    config_stores: BTreeMap<String, ConfigStoreSettings>,
    secret_stores: BTreeMap<String, SecretStoreSettings>,
    acls: BTreeMap<String, AclSettings>,
) -> Builder {
    for (name, store) in config_stores {
        builder = match store.file {
            Some(file) => builder.config_store_file(name, file),
            None => builder.config_store(name, store.entries),
        };
    }
    for (name, store) in secret_stores {
        builder = builder.secret_store_of(name, store.secrets);
    }
    for (name, acl) in acls {
        builder = builder.acl(name, acl.entries);
    }
    builder
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
    // What is typed is asked first.
    let databases: Vec<PathBuf> = databases.into_iter().chain(settings.databases).collect();
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

pub(crate) fn compile_cache(args: &CompilationArgs, environment: &Environment) -> Option<PathBuf> {
    match &args.compile_cache {
        _ if args.no_compile_cache => None,
        // The compiler wants it absolute.
        Some(folder) => Some(std::path::absolute(folder).unwrap_or_else(|_| folder.clone())),
        None => environment.compile_cache(),
    }
}
