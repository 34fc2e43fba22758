//! `fastlike [serve] app.wasm`.

use super::listen;
use crate::args::ServeArgs;
use crate::failure::Failure;
use crate::plan::{Environment, ServePlan};

pub(super) fn run(args: ServeArgs, environment: &Environment) -> Result<(), Failure> {
    let (typed, output) = (args.listen.bind.clone(), args.output.clone());
    let plan = ServePlan::new(args, environment)?;
    let report = super::report(&output, "warn", environment)?;
    let report = &report;
    super::block_on(report, async move {
        for warning in &plan.manifest_warnings {
            report.manifest_warning(warning);
        }
        for warning in &plan.warnings {
            report.warning(warning);
        }
        // Before the program is compiled, which may take long: a taken port
        // is said at once, and early clients wait in the queue.
        let (listener, address) = listen::bind(&typed, &plan.listen).await?;
        let warm_up = plan.warm_up;
        let clients = plan.clients.clone();
        let targets: Vec<_> = plan
            .backends
            .iter()
            .chain(&plan.proxy_to)
            .map(|backend| (backend.name.clone(), backend.url.clone()))
            .collect();

        let builder = listen::with_output(plan.builder(&address), report, &output);
        let fastlike = listen::build(builder).await?;
        if let Some(wanted) = warm_up {
            let warmed = fastlike.warm_up(wanted).await;
            if warmed < wanted {
                report.warning(&format!(
                    "only {warmed} of {wanted} sandboxes can be kept warm"
                ));
            }
        }
        report.loaded(fastlike.summary());
        for (name, url) in &targets {
            report.backend(name, url);
        }
        report.listening(address, clients.is_secure());
        if let Some(path) = clients.made_certificate() {
            report.made_certificate(path, address);
        }
        listen::serve(&fastlike, listener, clients.options(), report).await
    })
}
