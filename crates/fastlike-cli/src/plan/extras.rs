//! What the sections of a manifest say that only fastlike reads.

use std::collections::BTreeMap;

use fastlike_runtime::manifest::{ClientSignalSettings, ServiceSettings};
use fastlike_runtime::{Builder, Inspection, Limits, LogEndpoint, Products, Verdict};

/// Settings of `[local_server]` that no flag has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extras {
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) service: ServiceSettings,
    /// Those of the command line go before.
    pub(crate) limits: Limits,
    pub(crate) products: Products,
    pub(crate) client_signals: ClientSignalSettings,
    pub(crate) inspect: Option<Verdict>,
    pub(crate) log_endpoints: BTreeMap<String, LogEndpoint>,
}

impl Extras {
    /// The builder with these, but for the limits.
    pub(super) fn apply(self, mut builder: Builder) -> Builder {
        builder = builder
            .identity(self.service.identity)
            .products(self.products);
        for (name, value) in self.env {
            builder = builder.env(name, value);
        }
        if let Some(region) = self.service.compliance_region {
            builder = builder.compliance_region(region);
        }
        if !self.client_signals.is_empty() {
            let signals = self.client_signals;
            builder =
                builder.client_signals(move |_, conn| signals.of(conn.peer.map(|peer| peer.ip())));
        }
        if let Some(verdict) = self.inspect {
            builder = builder.inspector(move |_: &Inspection<'_>| verdict.clone());
        }
        for (name, endpoint) in self.log_endpoints {
            builder = builder.log_endpoint(name, endpoint);
        }
        builder
    }
}
