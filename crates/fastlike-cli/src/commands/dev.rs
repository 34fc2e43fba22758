//! `fastlike dev`: builds a project, serves it, and does so again when its
//! sources change.

mod building;
mod outputs;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use fastlike_runtime::{Current, Fastlike, Guest};
use tokio::time::Instant;

use self::outputs::{Outputs, content};
use super::admin;
use super::listen;
use super::reload::Source;
use super::signals::Signals;
use crate::args::{DevArgs, Profile, ServeArgs};
use crate::failure::Failure;
use crate::plan::{self, Environment, ServePlan};
use crate::project::Project;
use crate::report::Report;
use crate::watch::{Tree, Watch};

pub(super) fn run(args: DevArgs, environment: &Environment) -> Result<ExitCode, Failure> {
    let mut args = args.serve;
    let here = std::env::current_dir()
        .map_err(|error| super::cannot("tell which folder this is", error))?;
    let place = args.guest.take().or(args.service.config.take());
    let manifest = Project::find(place.as_deref(), &here)?;
    let env = args.service.env.take();
    let manifest = plan::manifest_path(Some(manifest.clone()), env.as_deref())?.unwrap_or(manifest);
    let project = Project::open(&manifest, environment)?;
    // Shown as they are seen from here.
    let near = |path: PathBuf| {
        path.strip_prefix(&here)
            .map_or(path.clone(), Path::to_owned)
    };
    args.guest = Some(near(project.wasm()));
    args.service.config = Some(near(manifest));
    let report = super::report(&args.output, "warn", environment)?;
    let serving = serve(args, environment, project, &report);
    super::block_on(&report, serving)
}

async fn serve(
    args: ServeArgs,
    environment: &Environment,
    project: Project,
    report: &Report,
) -> Result<ExitCode, Failure> {
    // What is wrong with the command line or the manifest is said before
    // anything is built.
    let mut plan = ServePlan::new(args.clone(), environment)?;
    for remark in &plan.service.remarks {
        report.warning(remark);
    }
    let (listener, address) = listen::bind(&args.listen.bind, &plan.listen).await?;
    let admin = admin::Waiting::bind(plan.admin.take()).await?;
    let clients = plan.clients.clone();
    let profile = plan.service.profile.clone();
    let mut tree = Tree::new(project.root(), project.outputs());
    tree.leave_out(&plan.written());
    let watch = Watch::new(plan.files(), Some(tree));
    let mut signals = Signals::new()?;
    let mut source = Source::new(args, environment.clone(), report.clone(), address);
    source.expect(plan.files());
    if let Some(admin) = &admin {
        source.observe(admin.metrics());
    }
    let outputs = Outputs::of(project.root());
    let mut developing = Developing {
        project,
        source,
        watch,
        report: report.clone(),
        environment: environment.clone(),
        outputs,
        during: Vec::new(),
        is_built: false,
        loaded: None,
        is_stale: false,
    };
    let first = tokio::select! {
        first = developing.first(plan) => first,
        number = signals.next() => {
            report.stopping();
            return Ok(ExitCode::from(u8::try_from(128 + number).unwrap_or(1)));
        }
    };
    let fastlike = match first {
        Ok(fastlike) => {
            report.loaded(fastlike.summary());
            fastlike
        }
        Err(failure) => {
            report.not_built(&failure, "clients are told so until it is mended");
            placeholder().await?
        }
    };
    let current = Current::new(fastlike);
    if let Some(folder) = profile.as_ref().and_then(Profile::folder) {
        report.profiling(folder);
    }
    report.listening(address, clients.is_secure());
    if let Some(path) = clients.made_certificate() {
        report.made_certificate(path, address);
    }
    if let Some(admin) = admin {
        admin.serve(&current, report);
    }
    report.watching(developing.watch.count());
    let beside = developing.go_on(current.clone());
    listen::serve_beside(
        &current,
        listener,
        clients.options(),
        report,
        signals,
        beside,
    )
    .await?;
    Ok(ExitCode::SUCCESS)
}

/// What clients get while there is no program.
async fn placeholder() -> Result<Fastlike, Failure> {
    let guest = Guest::bytes("no program yet", include_str!("dev/not_built.wat"));
    Ok(Fastlike::builder(guest).build().await?)
}

/// A project that is served.
struct Developing {
    project: Project,
    source: Source,
    watch: Watch,
    report: Report,
    environment: Environment,
    outputs: Outputs,
    /// What has changed during the last build.
    during: Vec<PathBuf>,
    /// What is served is the project's program.
    is_built: bool,
    /// What the served program was made of.
    loaded: Option<u64>,
    /// The manifest says since the last build that another one is due.
    is_stale: bool,
}

impl Developing {
    /// Builds the program for the first time.
    async fn first(&mut self, plan: ServePlan) -> Result<Fastlike, Failure> {
        self.build(&[]).await?;
        self.loaded = content(&self.project.wasm());
        let fastlike = self.source.make(plan).await?;
        self.is_built = true;
        Ok(fastlike)
    }

    /// Builds and reloads whenever something changes, for ever.
    async fn go_on(mut self, current: Current) {
        let mut during = std::mem::take(&mut self.during);
        during.extend(self.watch.changes().await);
        let (mut configuration, sources) = self.divide(during);
        let mut next = self.follow_up(sources);
        // The program has come by the build, unless something else has
        // happened to it since.
        let wasm = self.project.wasm();
        let same = content(&wasm) == self.loaded;
        configuration.retain(|path| !(same && *path == wasm));
        next.extend(configuration);
        loop {
            if let Some(why) = self.watch.complaint() {
                self.report.warning(&why);
            }
            let mut changed = std::mem::take(&mut next);
            if changed.is_empty() {
                changed = self.watch.changed().await;
                self.outputs.edited(&changed);
            }
            next = self.take_over(&current, changed).await;
        }
    }

    /// Builds if sources have changed, reloads if the program or its
    /// configuration has. Returns the sources that have changed meanwhile.
    async fn take_over(&mut self, current: &Current, changed: Vec<PathBuf>) -> Vec<PathBuf> {
        self.look_how(&changed);
        let (mut configuration, sources) = self.divide(changed);
        let is_stale = std::mem::take(&mut self.is_stale);
        let is_gone = !self.project.wasm().exists();
        let builds = is_stale || is_gone || !sources.is_empty() || !self.is_built;
        let mut next = Vec::new();
        if builds {
            let begun = Instant::now();
            let why = if sources.is_empty() {
                &configuration
            } else {
                &sources
            };
            let built = self.build(why).await;
            let during = std::mem::take(&mut self.during);
            if self.look_how(&during) {
                next.push(self.project.manifest().to_owned());
            }
            let (loads, meanwhile) = self.divide(during);
            next.extend(self.follow_up(meanwhile));
            configuration.extend(loads);
            // Some scripts write the same again.
            let wasm = self.project.wasm();
            let same = self.is_built && content(&wasm) == self.loaded;
            configuration.retain(|path| !(same && *path == wasm));
            if let Err(failure) = built {
                let served = if self.is_built {
                    "what was built before is still served"
                } else {
                    "clients are told so until it is mended"
                };
                self.report.not_built(&failure, served);
                // A changed configuration is of the program that is served.
                configuration.retain(|path| *path != wasm);
                if configuration.is_empty() || !self.is_built {
                    return next;
                }
            } else if configuration.is_empty() && self.is_built {
                self.report.built_the_same(begun.elapsed());
                return next;
            }
        }
        let loaded = content(&self.project.wasm());
        let more = self
            .source
            .reload(current, &mut self.watch, &configuration)
            .await;
        if self.source.is_good() {
            (self.is_built, self.loaded) = (true, loaded);
        }
        if self.look_how(&more) {
            next.push(self.project.manifest().to_owned());
        }
        next.extend(self.divide(more).1);
        next
    }

    /// Looks whether the program is to be built in another way, if one of the
    /// files that have changed says how.
    fn look_how(&mut self, changed: &[PathBuf]) -> bool {
        if !changed.iter().any(|path| self.project.is_made_of(path)) {
            return false;
        }
        let Some(project) = self.project.again(&self.environment) else {
            return false;
        };
        self.project = project;
        self.is_stale = true;
        true
    }

    /// What a service is loaded from, and what is built.
    fn divide(&self, changed: Vec<PathBuf>) -> (Vec<PathBuf>, Vec<PathBuf>) {
        changed
            .into_iter()
            .partition(|path| self.source.is_made_of(path))
    }

    /// Of what changed during a build, that which it does not write itself.
    fn follow_up(&mut self, changed: Vec<PathBuf>) -> Vec<PathBuf> {
        let (next, remark) = self.outputs.after_build(changed);
        if let Some(remark) = remark {
            self.report.warning(&remark);
        }
        next
    }
}
