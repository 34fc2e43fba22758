//! What `run` needs.

use std::path::PathBuf;
use std::time::Duration;

use fastlike_runtime::{Builder, Limits};

use super::{Environment, ServicePlan};
use crate::args::{Profile, RunArgs, RunLimitArgs};
use crate::failure::Failure;

/// The names, or their beginnings, of variables that a program's tests read:
/// of the standard test harness, of nextest, and of usual loggers.
const PASSED: [&str; 2] = ["RUST_", "NEXTEST"];

/// Everything that `run` needs, found to be in order.
pub(crate) struct RunPlan {
    pub(crate) guest: PathBuf,
    /// The program's arguments, its name first.
    pub(crate) args: Vec<String>,
    pub(crate) service: ServicePlan,
    pub(super) limits: Limits,
    pub(super) environment: Vec<(String, String)>,
}

impl RunPlan {
    pub(crate) fn new(args: RunArgs, environment: &Environment) -> Result<Self, Failure> {
        let (guest, mut rest) = args.program();
        rest.insert(0, guest.display().to_string());
        let passed = |name: &str| PASSED.iter().any(|passed| name.starts_with(passed));
        let service = ServicePlan::new(args.service, environment)?;
        Ok(Self {
            guest,
            args: rest,
            limits: limits(&service, &args.limits),
            service,
            environment: environment
                .variables
                .iter()
                .filter(|(name, _)| passed(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        })
    }

    /// The builder of the service, without what it prints to.
    pub(crate) fn builder(self) -> Builder {
        let profile = self.service.profile.clone();
        let mut builder = self.service.builder(self.guest).limits(self.limits);
        if let Some(profiler) = profile.map(Profile::of_run) {
            builder = builder.profiler(profiler);
        }
        self.environment
            .into_iter()
            .fold(builder, |builder, (name, value)| builder.env(name, value))
    }
}

fn limits(service: &ServicePlan, args: &RunLimitArgs) -> Limits {
    let mut limits = service.extras.limits.clone();
    limits.cpu = args.cpu_limit.unwrap_or(Duration::MAX);
    limits.wall = args.wall_limit.unwrap_or(Duration::MAX);
    limits.heap = args.heap_limit.unwrap_or(limits.heap);
    // It runs once, and alone.
    (limits.pool_slots, limits.max_sandboxes) = (1, 1);
    limits
}
