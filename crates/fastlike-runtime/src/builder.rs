//! Configuring a [`Fastlike`].

mod kv;
mod logs;
mod stores;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::backend::{Backend, Failures, Registry};
use crate::client::{ClientSignals, ConnInfo, Known};
use crate::device::{Derived, DeviceDetector, DeviceRecord, Devices};
use crate::engine::Engine;
use crate::error::StartError;
use crate::fastlike::{Fastlike, RequestIds, Secure, Service};
use crate::geo::{FixedGeo, GeoProvider};
use crate::hand_off::HandOffs;
use crate::hostcalls::Warned;
use crate::identity::{Identity, LoopMark};
use crate::imports::UnknownImports;
use crate::inspect::{AllowAll, Inspector};
use crate::limits::Limits;
use crate::log::{self, LogEndpoint, LogSink};
use crate::observe::{Observer, Unobserved};
use crate::output::{OutputSink, ToTracing};
use crate::pool::InstancePool;
use crate::products::Products;
use crate::profile::Profiler;
use crate::program::{Guest, Program, Summary};
use crate::purge::Purger;
use crate::reuse::Lot;
use crate::shield::{ShieldSite, Shields};
use crate::user_agent::{UapCore, UserAgentParser, UserAgents};
use crate::world::World;
use stores::Stores;

/// Collects what a guest's world is made of; see [`Fastlike::builder`].
pub struct Builder {
    guest: Guest,
    backends: Vec<(String, Arc<dyn Backend>)>,
    registry: Registry,
    shields: Vec<(String, ShieldSite)>,
    websockets: bool,
    grip_proxy: Option<String>,
    stores: Stores,
    state: kv::Place,
    kv_seeds: kv::Seeds,
    geo: Arc<dyn GeoProvider>,
    user_agents: Arc<dyn UserAgentParser>,
    devices: HashMap<String, Arc<str>>,
    detector: Option<Arc<dyn DeviceDetector>>,
    inspector: Arc<dyn Inspector>,
    logs: Arc<dyn LogSink>,
    log_endpoints: Vec<(String, LogEndpoint)>,
    stdout: Arc<dyn OutputSink>,
    stderr: Arc<dyn OutputSink>,
    observer: Arc<dyn Observer>,
    secure: Secure,
    known: Known,
    limits: Limits,
    identity: Identity,
    products: Products,
    environment: Vec<(String, String)>,
    backtraces: bool,
    unknown_imports: UnknownImports,
    profiler: Option<Profiler>,
    compile_cache: Option<PathBuf>,
}

impl Builder {
    pub(crate) fn new(guest: Guest) -> Self {
        Self {
            guest,
            backends: Vec::new(),
            registry: Registry::default(),
            shields: Vec::new(),
            websockets: true,
            grip_proxy: None,
            stores: Stores::default(),
            state: kv::Place::default(),
            kv_seeds: kv::Seeds::new(),
            geo: Arc::new(FixedGeo::default()),
            user_agents: Arc::new(UapCore),
            devices: HashMap::new(),
            detector: None,
            inspector: Arc::new(AllowAll),
            logs: Arc::new(log::ToTracing),
            log_endpoints: Vec::new(),
            stdout: Arc::new(ToTracing("stdout")),
            stderr: Arc::new(ToTracing("stderr")),
            observer: Arc::new(Unobserved),
            secure: Box::new(|_, conn| conn.tls),
            known: Known::default(),
            limits: Limits::default(),
            identity: Identity::default(),
            products: Products::default(),
            environment: Vec::new(),
            backtraces: false,
            unknown_imports: UnknownImports::default(),
            profiler: None,
            compile_cache: None,
        }
    }

    /// A backend that the guest can send requests to. A later one of the same
    /// name takes its place.
    pub fn backend(mut self, name: impl Into<String>, backend: impl Backend) -> Self {
        self.backends.push((name.into(), Arc::new(backend)));
        self
    }

    /// Whether the guest may make backends while it runs; true without this.
    /// Where it may not, it is told so (`UNSUPPORTED`), as on a platform where
    /// dynamic backends are not enabled.
    pub fn dynamic_backends(mut self, yes: bool) -> Self {
        self.registry.allow_dynamic(yes);
        self
    }

    /// Chooses the backend for a name that is not configured.
    pub fn fallback_backend(
        mut self,
        choose: impl Fn(&str) -> Option<Arc<dyn Backend>> + Send + Sync + 'static,
    ) -> Self {
        self.registry.set_fallback(choose);
        self
    }

    /// A shield: a POP that gathers requests on their way to an origin. The
    /// program asks for it by name, and sends requests to it if it does not
    /// run there. A later one of the same name takes its place.
    ///
    /// Two services that name the same shield, one as [`ShieldSite::Running`]
    /// and one as [`ShieldSite::At`] with the first one's URL, are two POPs.
    pub fn shield(mut self, name: impl Into<String>, site: ShieldSite) -> Self {
        self.shields.push((name.into(), site));
        self
    }

    /// Whether the program may hand WebSockets off to backends; true without
    /// this. Where it may not, it is told so (`UNSUPPORTED`), as on a platform
    /// where the feature is not bought.
    pub fn websocket_passthrough(mut self, yes: bool) -> Self {
        self.websockets = yes;
        self
    }

    /// The `HOST:PORT` of a Pushpin, the GRIP proxy behind Fanout: requests
    /// that the program hands off to Fanout go there. Without one, the
    /// program is told that there is none (`UNSUPPORTED`).
    ///
    /// They bear the backend's name in `Pushpin-Route`. So the Pushpin needs
    /// `accept_pushpin_route=true` in the section `proxy` of its configuration,
    /// and a route with that name: `id=NAME HOST:PORT,over_http`. It is not
    /// started by this.
    pub fn grip_proxy(mut self, address: impl Into<String>) -> Self {
        self.grip_proxy = Some(address.into());
        self
    }

    /// Where addresses are. Without one, every address is in Austin.
    pub fn geo(mut self, provider: impl GeoProvider) -> Self {
        self.geo = Arc::new(provider);
        self
    }

    /// Where the guest's standard output goes; to `tracing` without one.
    pub fn stdout(mut self, sink: impl OutputSink) -> Self {
        self.stdout = Arc::new(sink);
        self
    }

    /// Where the guest's standard error goes; to `tracing` without one.
    pub fn stderr(mut self, sink: impl OutputSink) -> Self {
        self.stderr = Arc::new(sink);
        self
    }

    /// Parses user agents; by uap-core's rules without one.
    pub fn user_agent_parser(mut self, parser: impl UserAgentParser) -> Self {
        self.user_agents = Arc::new(parser);
        self
    }

    /// What is known of clients with exactly this user agent.
    pub fn device(mut self, user_agent: impl Into<String>, record: &DeviceRecord) -> Self {
        let json = Arc::from(record.to_json());
        self.devices.insert(user_agent.into(), json);
        self
    }

    /// Knows the devices of all other clients; without one, uap-core's rules
    /// for devices and systems do, with what the parser of user agents says of
    /// browsers.
    pub fn device_detector(mut self, detector: impl DeviceDetector) -> Self {
        self.detector = Some(Arc::new(detector));
        self
    }

    /// Gives verdicts on requests that the program has inspected. Without one,
    /// all are allowed.
    pub fn inspector(mut self, inspector: impl Inspector) -> Self {
        self.inspector = Arc::new(inspector);
        self
    }

    /// Says which requests are secure: their URL is `https` and they carry
    /// `fastly-ssl: 1`. Without this, those over an encrypted connection.
    pub fn secure_requests(
        mut self,
        is_secure: impl Fn(&http::request::Parts, &ConnInfo) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.secure = Box::new(is_secure);
        self
    }

    /// Says what is known of the clients of requests: whether they are bots,
    /// proxies, attackers. Asked once for each request, before the guest runs.
    /// What it leaves open, headers of trusted peers may say
    /// ([`ServeOptions::trusted_peers`](crate::ServeOptions::trusted_peers)).
    pub fn client_signals(
        mut self,
        signals: impl Fn(&http::request::Parts, &ConnInfo) -> ClientSignals + Send + Sync + 'static,
    ) -> Self {
        self.known.provider = Some(Box::new(signals));
        self
    }

    /// The region whose rules apply to requests (`us`, `eu`); `none` without.
    pub fn compliance_region(mut self, region: impl Into<String>) -> Self {
        self.known.compliance_region = Some(region.into());
        self
    }

    /// Keys that a request may bear in `Fastly-Key` for `fastly_key_is_valid`
    /// to say yes; without any, it always says no.
    pub fn valid_fastly_keys<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.known
            .valid_keys
            .extend(keys.into_iter().map(Into::into));
        self
    }

    /// What a run may use.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Who the service is.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// Which products the program is told are on; none without this.
    pub fn products(mut self, products: Products) -> Self {
        self.products = products;
        self
    }

    /// An environment variable of the guest.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Is told of every request.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Shows a fault's cause and backtrace in the body of the 500. A help on
    /// a laptop, a leak on a server; off by default.
    pub fn backtraces_in_responses(mut self, yes: bool) -> Self {
        self.backtraces = yes;
        self
    }

    /// What becomes of a program that imports functions which this runtime
    /// does not have; without this, it is refused.
    pub fn unknown_imports(mut self, behavior: UnknownImports) -> Self {
        self.unknown_imports = behavior;
        self
    }

    /// Profiles the guest. What is recorded is the developer's to see, not the
    /// clients': for a laptop.
    pub fn profiler(mut self, profiler: Profiler) -> Self {
        self.profiler = Some(profiler);
        self
    }

    /// Keeps compiled code in this directory, which nobody else may write.
    pub fn compile_cache(mut self, directory: impl Into<PathBuf>) -> Self {
        self.compile_cache = Some(directory.into());
        self
    }

    /// Compiles the guest, checks its imports, and is ready.
    ///
    /// # Errors
    ///
    /// If the guest cannot be read, is no module, imports what is not
    /// provided, or a setting cannot work.
    pub async fn build(self) -> Result<Fastlike, StartError> {
        // Compiling keeps a core busy for a while.
        let compiling = tokio::task::spawn_blocking(move || self.build_now());
        compiling
            .await
            .unwrap_or_else(|error| Err(StartError::Engine(error.to_string())))
    }

    fn build_now(self) -> Result<Fastlike, StartError> {
        let mut backends = self.registry;
        for (name, backend) in self.backends {
            backends
                .insert(name, backend)
                .map_err(|error| StartError::Settings(error.to_string()))?;
        }
        let mut shields = Shields::default();
        for (name, site) in self.shields {
            shields
                .insert(name, site)
                .map_err(|error| StartError::Settings(error.to_string()))?;
        }
        let grip_proxy = self.grip_proxy.as_deref();
        let hand_offs = HandOffs::new(self.websockets, grip_proxy, &self.limits)
            .map_err(|error| StartError::Settings(format!("GRIP proxy: {error}")))?;
        let geo = crate::geo::backend::backend(Arc::clone(&self.geo));
        backends.insert_built_in(crate::geo::backend::NAME, Arc::new(geo));
        check(&self.limits)?;
        let state = self.state.open()?;
        self.stores.check()?;
        if let Some(profiler) = &self.profiler {
            profiler.prepare()?;
        }
        let profiler = self.profiler.as_ref();
        let engine = Engine::new(&self.limits, self.compile_cache, profiler)?;
        let program = Program::load(&engine, self.guest, self.unknown_imports, self.limits.heap)?;
        let summary = Summary {
            guest: program.name.clone(),
            bytes: program.bytes,
            took: program.took,
            imports: program.imports,
            unknown_imports: program.unknown.clone(),
            backends: backends.names().into_iter().map(str::to_owned).collect(),
            config_stores: self.stores.config.names(),
        };
        let mut environment = self.identity.environment();
        environment.extend(self.environment);
        let random = random();
        let mark = self
            .identity
            .service_id
            .clone()
            .unwrap_or_else(|| format!("{random:016x}"));
        let limits = &self.limits;
        let pool = InstancePool::new(
            limits.pool_slots,
            limits.max_sandboxes,
            limits.admission_wait,
        );
        let browsers = Arc::clone(&self.user_agents);
        let detector = self
            .detector
            .unwrap_or_else(|| Arc::new(Derived { browsers }));
        let devices = Devices::new(self.devices, detector);
        let logs = logs::open(self.log_endpoints, self.logs, &self.stdout, &self.stderr)?;
        // Last, for nothing is to be written for a service that cannot be made.
        kv::sow(&state, self.kv_seeds)?;
        backends.start();
        let world = World {
            backends,
            failures: Failures::default(),
            shields,
            hand_offs,
            config_stores: self.stores.config,
            secret_stores: self.stores.secret,
            acls: self.stores.acls,
            state,
            geo: self.geo,
            devices,
            user_agents: UserAgents::new(self.user_agents),
            inspector: self.inspector,
            logs,
            stdout: self.stdout,
            stderr: self.stderr,
            observer: self.observer,
            environment,
            identity: LoopMark::new(&mark, &self.identity.pop),
            products: self.products,
            purger: Purger::new(Vec::new(), random),
            lot: Arc::new(Lot::new(self.limits.parked_sandboxes)),
            limits: self.limits,
            backtraces: self.backtraces,
            profiler: self.profiler,
            warned: Warned::default(),
        };
        Ok(Fastlike::from_service(Service {
            engine,
            program,
            pool,
            world: Arc::new(world),
            secure: self.secure,
            known: self.known,
            summary,
            requests: RequestIds::new(random),
        }))
    }
}

fn check(limits: &Limits) -> Result<(), StartError> {
    const PAGE: u64 = 64 * 1024;
    const MOST: u64 = 4 * 1024 * 1024 * 1024;
    let wrong = |what: &str| Err(StartError::Settings(what.to_owned()));
    if !(PAGE..=MOST).contains(&limits.heap) {
        return wrong("the heap limit must be between 64 KiB and 4 GiB");
    }
    if limits.max_sandboxes == 0 || limits.pool_slots == 0 {
        return wrong("at least one sandbox must be allowed");
    }
    if limits.cpu.is_zero() || limits.wall.is_zero() {
        return wrong("the CPU and wall time limits must be more than 0");
    }
    Ok(())
}

/// A number that differs between processes and services.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("guest", &self.guest)
            .finish_non_exhaustive()
    }
}
