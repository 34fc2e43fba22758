//! What the arguments mean: files read, URLs parsed, settings checked. The
//! commands only carry it out.

mod admin;
mod backends;
mod environment;
mod extras;
mod manifests;
mod run;
mod service;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;

use fastlike_runtime::{Builder, Limits, LogTarget};

pub(crate) use self::admin::AdminPlan;
pub(crate) use self::environment::Environment;
pub(crate) use self::manifests::{NAME as MANIFEST, path as manifest_path};
pub(crate) use self::run::RunPlan;
pub(crate) use self::service::{ServicePlan, compile_cache};
use crate::args::{Backtraces, LimitArgs, Profile, ServeArgs};
use crate::clients::ClientPlan;
use crate::failure::Failure;

/// Everything that `serve` needs, found to be in order.
pub(crate) struct ServePlan {
    pub(crate) guest: PathBuf,
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) service: ServicePlan,
    pub(crate) clients: ClientPlan,
    pub(crate) admin: Option<AdminPlan>,
    pub(crate) limits: Limits,
    pub(crate) warm_up: Option<usize>,
    pub(crate) backtraces: Backtraces,
}

impl ServePlan {
    pub(crate) fn new(args: ServeArgs, environment: &Environment) -> Result<Self, Failure> {
        let (bind, clients) = (args.listen.bind.clone(), args.clients.clone());
        let admin = args.admin.clone();
        let plan = Self::again(args, environment)?;
        Ok(Self {
            listen: addresses(&bind)?,
            clients: ClientPlan::new(clients, plan.service.compile_cache.as_deref())?,
            admin: AdminPlan::new(admin, environment)?,
            ..plan
        })
    }

    /// The plan of another service for the same listener, from what files say
    /// now. What only the listener needs is not in it.
    pub(crate) fn again(args: ServeArgs, environment: &Environment) -> Result<Self, Failure> {
        let guest = args
            .guest
            .or(args.wasm)
            .ok_or_else(|| Failure::new("no program is named"))?;
        let service = ServicePlan::new(args.service, environment)?;
        Ok(Self {
            guest,
            listen: Vec::new(),
            clients: ClientPlan::default(),
            admin: None,
            limits: limits(&service, &args.limits),
            service,
            warm_up: args.limits.warm_up,
            backtraces: args.backtraces,
        })
    }

    /// The files whose change makes it another plan.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let guest = std::iter::once(&self.guest);
        guest.chain(&self.service.files).cloned().collect()
    }

    /// The files and folders that the service writes to.
    pub(crate) fn written(&self) -> Vec<PathBuf> {
        let service = &self.service;
        let profiles = service.profile.as_ref().and_then(Profile::folder);
        let logs = service.extras.log_endpoints.values();
        let logs = logs.filter_map(|endpoint| match &endpoint.target {
            LogTarget::File(path) => Some(path.clone()),
            _ => None,
        });
        let folders = service.state.clone().into_iter();
        folders
            .chain(profiles.map(Into::into))
            .chain(logs)
            .collect()
    }

    /// The builder of the service, without what it prints to.
    pub(crate) fn builder(self, listening: &SocketAddr) -> Builder {
        let backtraces = self.backtraces_at(listening);
        let profile = self.service.profile.clone();
        let builder = self
            .service
            .builder(self.guest)
            .limits(self.limits)
            .backtraces_in_responses(backtraces);
        match profile.map(Profile::of_requests) {
            Some(profiler) => builder.profiler(profiler),
            None => builder,
        }
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

/// What is typed counts more than what is written in a file.
fn limits(service: &ServicePlan, args: &LimitArgs) -> Limits {
    let mut limits = service.extras.limits.clone();
    limits.cpu = args.cpu_limit.unwrap_or(limits.cpu);
    limits.wall = args.wall_limit.unwrap_or(limits.wall);
    limits.heap = args.heap_limit.unwrap_or(limits.heap);
    limits.max_sandboxes = args.max_sandboxes.unwrap_or(limits.max_sandboxes);
    limits
}

/// What is typed as an address is none.
#[derive(Debug)]
pub(crate) struct NoAddress {
    typed: String,
    source: io::Error,
}

impl fmt::Display for NoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on `{}`", self.typed)
    }
}

impl std::error::Error for NoAddress {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// All addresses that `HOST:PORT` stands for, IPv4 before IPv6: who types
/// `localhost` expects 127.0.0.1 to work.
pub(crate) fn addresses(bind: &str) -> Result<Vec<SocketAddr>, Failure> {
    let help = "write HOST:PORT, as 127.0.0.1:7676, [::1]:7676 or localhost:0";
    let unknown = |source| {
        let typed = bind.to_owned();
        Failure::from(NoAddress { typed, source }).help(help)
    };
    let mut addresses: Vec<_> = bind.to_socket_addrs().map_err(unknown)?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}
