//! [`Admin`]: what an admin listener is made of.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use fastlike_runtime::Current;
use tokio::net::TcpListener;

use crate::guard::Guard;
use crate::metrics::Metrics;
use crate::routes::Desk;
use crate::server;
use crate::timestamp::rfc3339;
use crate::token::Token;

/// An admin listener, to be served; see the crate's documentation.
#[derive(Debug, Clone)]
pub struct Admin {
    current: Current,
    token: Token,
    metrics: Metrics,
    remote: bool,
}

/// Why an admin listener cannot be served.
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum AdminError {
    /// Others could connect, which was not allowed.
    #[error(
        "{0} is not a loopback address: the admin listener would be reachable from other \
         machines, in cleartext"
    )]
    NotLoopback(SocketAddr),
    /// The listener cannot be used.
    #[error("the admin listener failed")]
    Listener(#[from] std::io::Error),
}

impl Admin {
    /// An admin listener for the service in this place, whose clients must
    /// know the token.
    pub fn new(current: impl Into<Current>, token: Token) -> Self {
        Self {
            current: current.into(),
            token,
            metrics: Metrics::new(),
            remote: false,
        }
    }

    /// What `/metrics` tells: to be an observer of the services that are
    /// served, too. Without it, requests are not counted.
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Whether other machines may connect; they may not without this. Nothing
    /// is encrypted. `/metrics` needs the token then.
    #[must_use]
    pub fn remote(mut self, yes: bool) -> Self {
        self.remote = yes;
        self
    }

    /// Serves until `shutdown`; what is under way then has a moment to end.
    ///
    /// # Errors
    /// [`AdminError::NotLoopback`], unless [`Admin::remote`] allows it.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), AdminError> {
        let local = listener.local_addr()?;
        if !local.ip().is_loopback() && !self.remote {
            return Err(AdminError::NotLoopback(local));
        }
        let desk = Desk {
            guard: Guard::new(self.token.clone(), local),
            current: self.current.clone(),
            metrics: self.metrics.clone(),
            since: rfc3339(SystemTime::now()),
            key: self.token.clone(),
        };
        server::serve(Arc::new(desk), listener, shutdown).await;
        Ok(())
    }
}
