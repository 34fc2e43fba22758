//! What is known of the connection that a request came over.

use std::net::SocketAddr;
use std::sync::Arc;

use super::TlsFacts;
use crate::serve::Alive;
use crate::wire::Wire;

/// What is known of the connection that a request came over.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ConnInfo {
    /// The client's address.
    pub peer: Option<SocketAddr>,
    /// The address that the client connected to.
    pub local: Option<SocketAddr>,
    /// The connection is encrypted.
    pub tls: bool,
    /// The peer may say in headers what is known of the client.
    pub trusted: bool,
    tls_facts: Option<Arc<TlsFacts>>,
    wire: Option<Arc<Wire>>,
    alive: Option<Alive>,
}

impl ConnInfo {
    /// A connection from `peer`.
    pub fn new(peer: SocketAddr, local: Option<SocketAddr>) -> Self {
        Self {
            peer: Some(peer),
            local,
            ..Self::default()
        }
    }

    /// Says that the connection is encrypted.
    pub fn with_tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Says that the connection is encrypted, and how.
    pub fn with_tls_facts(mut self, facts: TlsFacts) -> Self {
        self.tls_facts = Some(Arc::new(facts));
        self.with_tls()
    }

    /// Says that the peer may tell in headers what is known of the client:
    /// `x-fastly-bot-analyzed` and its kind, which are removed from the
    /// requests of all others.
    pub fn with_trust(mut self) -> Self {
        self.trusted = true;
        self
    }

    /// How the connection is encrypted, if that is known.
    pub fn tls_facts(&self) -> Option<&TlsFacts> {
        self.tls_facts.as_deref()
    }

    pub(crate) fn shared_tls_facts(&self) -> Option<Arc<TlsFacts>> {
        self.tls_facts.clone()
    }

    pub(crate) fn with_wire(mut self, wire: Arc<Wire>) -> Self {
        self.wire = Some(wire);
        self
    }

    pub(crate) fn with_alive(mut self, alive: Alive) -> Self {
        self.alive = Some(alive);
        self
    }

    /// What keeps the connection's server from ending.
    pub(crate) fn alive(&self) -> Option<&Alive> {
        self.alive.as_ref()
    }

    pub(crate) fn wire(&self) -> Option<&Arc<Wire>> {
        self.wire.as_ref()
    }
}
