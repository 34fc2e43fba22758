//! `fastlike dev`: builds a project, serves it, and does so again when its
//! sources change.

mod outputs;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use fastlike_runtime::{Current, Fastlike, Guest};
use tokio::time::Instant;

use self::outputs::{Outputs, content};
use super::admin;
use super::listen::{self, Signals};
use super::reload::Source;
use crate::args::{DevArgs, ServeArgs};
use crate::failure::Failure;
use crate::plan::{self, Environment, ServePlan};
use crate::project::{self, Project};
use crate::report::Report;
use crate::watch::{Tree, Watch};

pub(super) fn run(args: DevArgs, environment: &Environment) -> Result<ExitCode, Failure> {
    let mut args = args.serve;
    let here = std::env::current_dir()?;
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
    let tree = Tree::new(project.root(), project.outputs());
    let mut watch = Watch::new(plan.files(), Some(tree));
    let mut signals = Signals::new()?;
    let mut source = Source::new(args, environment.clone(), report.clone(), address);
    source.expect(plan.files());
    if let Some(admin) = &admin {
        source.observe(admin.metrics());
    }
    let mut loaded = None;
    let first = async {
        project::build(&project, report, &[]).await?;
        watch.know(&project.wasm());
        loaded = content(&project.wasm());
        source.make(plan).await
    };
    let first = tokio::select! {
        first = first => first,
        number = signals.next() => {
            report.stopping();
            return Ok(ExitCode::from(u8::try_from(128 + number).unwrap_or(1)));
        }
    };
    let is_built = first.is_ok();
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
    report.listening(address, clients.is_secure());
    if let Some(path) = clients.made_certificate() {
        report.made_certificate(path, address);
    }
    if let Some(admin) = admin {
        admin.serve(&current, report);
    }
    report.watching(watch.count());
    let outputs = Outputs::of(project.root());
    let developing = Developing {
        project,
        source,
        watch,
        current: current.clone(),
        report: report.clone(),
        environment: environment.clone(),
        outputs,
        is_built,
        loaded,
        is_stale: false,
    };
    let beside = developing.go_on();
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
    current: Current,
    report: Report,
    environment: Environment,
    outputs: Outputs,
    /// What is served is the project's program.
    is_built: bool,
    /// What the served program was made of.
    loaded: Option<u64>,
    /// The manifest says since the last build that another one is due.
    is_stale: bool,
}

impl Developing {
    /// Builds and reloads whenever something changes, for ever.
    async fn go_on(mut self) {
        // What was changed while the program was built the first time.
        let during = self.watch.changes().await;
        let (mut configuration, sources) = self.divide(during);
        let mut next = self.follow_up(sources);
        configuration.retain(|path| *path != self.project.wasm());
        next.extend(configuration);
        loop {
            if let Some(why) = self.watch.complaint() {
                self.report.warning(&why);
            }
            let changed = if next.is_empty() {
                self.watch.changed().await
            } else {
                std::mem::take(&mut next)
            };
            next = self.take_over(changed).await;
        }
    }

    /// Builds if sources have changed, reloads if the program or its
    /// configuration has. Returns the sources that have changed meanwhile.
    async fn take_over(&mut self, changed: Vec<PathBuf>) -> Vec<PathBuf> {
        let (mut configuration, sources) = self.divide(changed);
        self.look_how(&configuration);
        let is_stale = std::mem::take(&mut self.is_stale);
        let builds = is_stale || !sources.is_empty() || !self.is_built;
        let mut next = Vec::new();
        if builds {
            let begun = Instant::now();
            let why = if sources.is_empty() {
                &configuration
            } else {
                &sources
            };
            let built = project::build(&self.project, &self.report, why).await;
            let during = self.watch.changes().await;
            let (loads, meanwhile) = self.divide(during);
            next = self.follow_up(meanwhile);
            if self.look_how(&loads) {
                next.push(self.project.manifest().to_owned());
            }
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
            .reload(&self.current, &mut self.watch, &configuration)
            .await;
        if self.source.is_good() {
            (self.is_built, self.loaded) = (true, loaded);
        }
        let (loads, sources) = self.divide(more);
        if self.look_how(&loads) {
            next.push(self.project.manifest().to_owned());
        }
        next.extend(sources);
        next
    }

    /// Looks whether the program is to be built in another way, if one of the
    /// files that have changed says how.
    fn look_how(&mut self, changed: &[PathBuf]) -> bool {
        if !changed.iter().any(|path| self.says_how(path)) {
            return false;
        }
        // What is wrong in a manifest is said where it is loaded.
        match Project::open(self.project.manifest(), &self.environment) {
            Ok(project) if project != self.project => {
                self.project = project;
                self.is_stale = true;
                true
            }
            _ => false,
        }
    }

    /// What a service is loaded from, and what is built.
    fn divide(&self, changed: Vec<PathBuf>) -> (Vec<PathBuf>, Vec<PathBuf>) {
        changed
            .into_iter()
            .partition(|path| self.source.is_made_of(path))
    }

    /// True for files that say how the program is built.
    fn says_how(&self, path: &Path) -> bool {
        path == self.project.manifest() || self.project.env_file().as_deref() == Some(path)
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
