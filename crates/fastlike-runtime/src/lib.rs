//! Runs Fastly Compute programs: loads a guest, gives it its world, and
//! answers HTTP requests with it.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use fastlike_runtime::{Fastlike, Origin};
//!
//! let fastlike = Fastlike::builder("app.wasm")
//!     .backend("origin", Origin::new("https://example.com")?)
//!     .config_store("settings", [("greeting", "hello")])
//!     .build()
//!     .await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:7676").await?;
//! fastlike.serve(listener, std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Fastlike`] is the one type to begin with. Everything around a guest is a
//! trait with a default: [`Backend`], [`ConfigStore`], [`GeoProvider`],
//! [`LogSink`], [`OutputSink`], [`UserAgentParser`], [`Inspector`], [`Observer`].

mod answer;
mod backend;
mod builder;
mod client;
mod config_store;
mod engine;
mod error;
mod fastlike;
mod geo;
mod guest;
mod hand_off;
mod hostcalls;
mod http;
mod identity;
mod incident;
mod inspect;
mod interim;
mod limits;
mod log;
pub mod manifest;
mod meter;
mod observe;
mod output;
mod pool;
mod program;
mod reuse;
mod run;
mod sandbox;
mod serve;
mod session;
mod share;
mod shield;
mod user_agent;
mod wire;
mod world;

pub use backend::{
    Backend, BackendFn, BackendInfo, BoxFuture, Health, HealthCheck, IntoResponse, Origin,
    OriginError, RemoteAddr, SendContext, SendError, ServiceBackend, TcpKeepalive, TlsVersion,
    backend_fn,
};
pub use builder::Builder;
pub use client::{BotSignals, ClientSignals, ClientVerified, ConnInfo, TlsFacts, VpnProxySignals};
pub use config_store::ConfigStore;
pub use error::{ServeError, StartError, UnknownImport};
pub use fastlike::Fastlike;
pub use geo::{FixedGeo, GeoKeyError, GeoProvider, GeoRecord, GeoTable, LayeredGeo, LocalGeo};
pub use http::{Body, BodyError};
pub use identity::Identity;
pub use inspect::{Decision, Inspection, Inspector, Verdict};
pub use limits::Limits;
pub use log::LogSink;
pub use observe::{Observer, Outcome, RequestReport};
pub use output::OutputSink;
pub use program::{Guest, Summary};
pub use serve::{ServeOptions, TlsError, TlsListener};
pub use shield::ShieldSite;
pub use user_agent::{UserAgent, UserAgentParser};

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
