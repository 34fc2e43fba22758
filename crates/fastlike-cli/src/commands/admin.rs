//! The admin listener, beside the one that serves.

use std::net::SocketAddr;

use fastlike_admin::{Admin, Metrics, Token};
use fastlike_runtime::Current;
use tokio::net::TcpListener;

use super::listen;
use crate::failure::Failure;
use crate::plan::AdminPlan;
use crate::report::Report;

/// A listener whose clients wait until there is something to administrate.
pub(super) struct Waiting {
    listener: TcpListener,
    address: SocketAddr,
    token: Token,
    /// Nobody else knows the token yet.
    is_new: bool,
    remote: bool,
    metrics: Metrics,
}

impl Waiting {
    /// Takes the address, if one is wanted.
    pub(super) async fn bind(plan: Option<AdminPlan>) -> Result<Option<Self>, Failure> {
        let Some(plan) = plan else {
            return Ok(None);
        };
        let (listener, address) = listen::bind(&plan.bind, &plan.listen).await?;
        Ok(Some(Self {
            listener,
            address,
            is_new: plan.token.is_none(),
            token: plan.token.unwrap_or_else(Token::random),
            remote: plan.remote,
            metrics: Metrics::new(),
        }))
    }

    /// What the services that are served are to be observed by.
    pub(super) fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Serves to the end of the process, while running requests end, too.
    pub(super) fn serve(self, current: &Current, report: &Report) {
        let token = self.is_new.then(|| self.token.as_str());
        report.admin(self.address, token);
        let admin = Admin::new(current.clone(), self.token)
            .metrics(self.metrics)
            .remote(self.remote);
        let report = report.clone();
        tokio::spawn(async move {
            if let Err(error) = admin.serve(self.listener, std::future::pending()).await {
                report.warning(&error.to_string());
            }
        });
    }
}
