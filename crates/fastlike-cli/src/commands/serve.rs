//! `fastlike [serve] app.wasm`.

use fastlike_runtime::Current;

use super::admin;
use super::listen;
use super::reload::Source;
use super::signals::Signals;
use crate::args::{Profile, ServeArgs};
use crate::failure::Failure;
use crate::plan::{Environment, ServePlan};
use crate::watch::Watch;

pub(super) fn run(args: ServeArgs, environment: &Environment) -> Result<(), Failure> {
    let mut plan = ServePlan::new(args.clone(), environment)?;
    let report = super::report(&args.output, "warn", environment)?;
    let report = &report;
    super::block_on(report, async move {
        for warning in &plan.service.remarks {
            report.warning(warning);
        }
        // Before the program is compiled, which may take long: a taken port
        // is said at once, and early clients wait in the queue.
        let (listener, address) = listen::bind(&args.listen.bind, &plan.listen).await?;
        let admin = admin::Waiting::bind(plan.admin.take()).await?;
        // What changes from here on is seen.
        let watch = args.watch.watch.then(|| Watch::new(plan.files(), None));
        let clients = plan.clients.clone();
        let targets = plan.service.targets();
        let profile = plan.service.profile.clone();

        let mut source = Source::new(args, environment.clone(), report.clone(), address);
        if let Some(admin) = &admin {
            source.observe(admin.metrics());
        }
        let fastlike = source.make(plan).await?;
        report.loaded(fastlike.summary());
        for (name, url) in &targets {
            report.backend(name, url);
        }
        if let Some(folder) = profile.as_ref().and_then(Profile::folder) {
            report.profiling(folder);
        }
        // Who reads that it listens may end it.
        let signals = Signals::new()?;
        report.listening(address, clients.is_secure());
        if let Some(path) = clients.made_certificate() {
            report.made_certificate(path, address);
        }
        let (current, options) = (Current::new(fastlike), clients.options());
        if let Some(admin) = admin {
            admin.serve(&current, report);
        }
        let Some(watch) = watch else {
            return listen::serve(&current, listener, options, report, signals).await;
        };
        report.watching(watch.count());
        let reloading = source.keep_up(current.clone(), watch);
        listen::serve_beside(&current, listener, options, report, signals, reloading).await
    })
}
