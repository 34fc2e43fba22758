//! The service of `serve --watch` and `dev`, made again when what it is made
//! of changes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fastlike_admin::Metrics;
use fastlike_runtime::manifest::Warning;
use fastlike_runtime::{Current, Fastlike, State};
use tokio::time::{Instant, timeout};

use super::listen;
use crate::args::ServeArgs;
use crate::failure::Failure;
use crate::plan::{Environment, ServePlan};
use crate::report::Report;
use crate::watch::{SECOND_LOOK, Watch, absolute};

/// What services are made of: the command line, and the files it names.
pub(super) struct Source {
    args: ServeArgs,
    environment: Environment,
    report: Report,
    address: SocketAddr,
    /// Kept by all services, one after another.
    state: Option<State>,
    /// Counts what all of them do, if somebody asks for it.
    metrics: Option<Metrics>,
    /// The files of the last service that was made.
    files: Vec<PathBuf>,
    /// What it writes to.
    written: Vec<PathBuf>,
    /// Remarks that were made already.
    warned: Vec<Warning>,
    /// What was said when the last one could not be made.
    said: Option<String>,
}

impl Source {
    pub(super) fn new(
        args: ServeArgs,
        environment: Environment,
        report: Report,
        address: SocketAddr,
    ) -> Self {
        Self {
            args,
            environment,
            report,
            address,
            state: None,
            metrics: None,
            files: Vec::new(),
            written: Vec::new(),
            warned: Vec::new(),
            said: None,
        }
    }

    /// Says which files the first service will be made of.
    pub(super) fn expect(&mut self, files: Vec<PathBuf>) {
        self.files = files;
    }

    /// Has all services counted.
    pub(super) fn observe(&mut self, metrics: Metrics) {
        self.metrics = Some(metrics);
    }

    /// Makes the service of a plan, and prepares it for traffic.
    pub(super) async fn make(&mut self, plan: ServePlan) -> Result<Fastlike, Failure> {
        let warm_up = plan.warm_up;
        (self.files, self.written) = (plan.files(), plan.written());
        for warning in &plan.service.manifest_warnings {
            if !self.warned.contains(warning) {
                self.report.manifest_warning(warning);
            }
        }
        self.warned.clone_from(&plan.service.manifest_warnings);
        let builder = plan.builder(&self.address);
        let mut builder = listen::with_output(builder, &self.report, &self.args.output);
        if let Some(state) = &self.state {
            builder = builder.state(state.clone());
        }
        if let Some(metrics) = &self.metrics {
            // A line that is printed is of a request that is counted.
            builder = builder.observer((metrics.clone(), self.report.clone()));
        }
        let fastlike = listen::build(builder).await?;
        if let Some(wanted) = warm_up {
            let warmed = fastlike.warm_up(wanted).await;
            // Later ones are as the first.
            if warmed < wanted && self.state.is_none() {
                self.report.warning(&format!(
                    "only {warmed} of {wanted} sandboxes can be kept warm"
                ));
            }
        }
        self.state = Some(fastlike.state().clone());
        Ok(fastlike)
    }

    /// The same from what the files say now.
    async fn make_again(&mut self) -> Result<Fastlike, Failure> {
        let (args, environment) = (self.args.clone(), self.environment.clone());
        // It reads files.
        let planning =
            tokio::task::spawn_blocking(move || ServePlan::again(args, &environment)).await;
        let plan = planning?.inspect_err(|failure| {
            // Their change may mend it.
            for file in failure.files() {
                if !self.files.contains(file) {
                    self.files.push(file.clone());
                }
            }
        })?;
        self.make(plan).await
    }

    /// Replaces the current service by what files say now. If that is wrong,
    /// says why, and the service stays.
    ///
    /// Returns what has changed meanwhile and was not looked at.
    pub(super) async fn reload(
        &mut self,
        current: &Current,
        watch: &mut Watch,
        changed: &[PathBuf],
    ) -> Vec<PathBuf> {
        let mut changed = changed.to_vec();
        let mut more = Vec::new();
        loop {
            let (begun, since) = (Instant::now(), SystemTime::now());
            let made = self.make_again().await;
            watch.leave_out(&self.written);
            watch.set_files(self.files.clone(), since).await;
            let failure = match made {
                Ok(fastlike) => {
                    drop(current.replace(fastlike));
                    self.count(true);
                    self.report.reloaded(&changed, begun.elapsed());
                    self.said = None;
                    return more;
                }
                Err(failure) => failure,
            };
            // What looks broken may be half-written.
            if let Ok(meanwhile) = timeout(SECOND_LOOK, watch.changed()).await {
                changed.extend(meanwhile.iter().cloned());
                more.extend(meanwhile);
                continue;
            }
            let said = failure.render(false);
            let again = self.said.as_ref() == Some(&said);
            self.count(false);
            self.report.not_reloaded(&failure, &changed, again);
            self.said = Some(said);
            return more;
        }
    }

    fn count(&self, reloaded: bool) {
        if let Some(metrics) = &self.metrics {
            metrics.reloaded(reloaded);
        }
    }

    /// True for a file that services are loaded from.
    pub(super) fn is_made_of(&self, path: &Path) -> bool {
        self.files.iter().any(|file| absolute(file) == path)
    }

    /// True if the last one could be made.
    pub(super) fn is_good(&self) -> bool {
        self.said.is_none()
    }

    /// Reloads whenever something changes, for ever.
    pub(super) async fn keep_up(mut self, current: Current, mut watch: Watch) {
        loop {
            if let Some(why) = watch.complaint() {
                self.report.warning(&why);
            }
            let changed = watch.changed().await;
            self.reload(&current, &mut watch, &changed).await;
        }
    }
}
