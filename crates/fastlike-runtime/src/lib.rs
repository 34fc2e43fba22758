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
//! trait with a default: [`Backend`], [`ConfigProvider`], [`DeviceDetector`],
//! [`GeoProvider`], [`LogSink`], [`OutputSink`], [`UserAgentParser`],
//! [`Inspector`], [`Observer`].

mod acl;
mod answer;
mod backend;
mod builder;
mod client;
mod config_store;
mod current;
mod device;
mod engine;
mod error;
mod fastlike;
mod geo;
mod guest;
mod hand_off;
mod hostcalls;
mod http;
mod identity;
mod imports;
mod incident;
mod inspect;
mod interim;
mod invocation;
mod kv;
mod limits;
mod log;
pub mod manifest;
mod meter;
mod named;
mod observe;
mod occupancy;
mod output;
mod pool;
mod products;
mod profile;
mod program;
mod purge;
mod rate;
mod reuse;
mod run;
mod sandbox;
mod secret_store;
mod serve;
mod session;
mod share;
mod shield;
mod state;
mod user_agent;
mod wire;
mod world;

pub use acl::{Acl, AclAction, AclChange, AclEntry, AclPrefix, Acls};
pub use backend::{
    Backend, BackendFn, BackendInfo, BoxFuture, Connections, Health, HealthCheck, IntoResponse,
    Origin, OriginError, RemoteAddr, SendContext, SendError, ServiceBackend, TcpKeepalive,
    TlsVersion, backend_fn,
};
pub use builder::Builder;
pub use client::{BotSignals, ClientSignals, ClientVerified, ConnInfo, TlsFacts, VpnProxySignals};
pub use config_store::{ConfigProvider, ConfigStore, ConfigStores};
pub use current::Current;
pub use device::{DeviceDetector, DeviceFacts, DeviceOs, DeviceRecord, DeviceUserAgent};
pub use error::{ServeError, StartError, UnknownImport};
pub use fastlike::Fastlike;
pub use geo::{FixedGeo, GeoKeyError, GeoProvider, GeoRecord, GeoTable, LayeredGeo, LocalGeo};
pub use http::{Body, BodyError};
pub use identity::Identity;
pub use imports::UnknownImports;
pub use inspect::{Decision, Inspection, Inspector, Verdict};
pub use invocation::{Invocation, Invoked};
pub use kv::{
    KvEntry, KvError, KvInsert, KvKeyError, KvList, KvListMode, KvMode, KvPage, KvPageMeta, KvSeed,
    KvStore, KvStores, KvUsage,
};
pub use limits::Limits;
pub use log::{
    HttpLog, LogEndpoint, LogEndpointError, LogEndpoints, LogFormat, LogReport, LogSink, LogTarget,
    SyslogLog, SyslogTransport,
};
pub use named::StoreError;
pub use observe::{BackendReport, Observer, Outcome, RequestReport};
pub use occupancy::Occupancy;
pub use output::OutputSink;
pub use products::Products;
pub use profile::{GuestProfile, Profiler};
pub use program::{Guest, Summary};
pub use purge::InvalidSurrogateKey;
pub use rate::{
    CountWindow, PenaltyBoxes, PenaltyTime, RateCheck, RateCounters, RateWindow, Rates,
};
pub use secret_store::{Secret, SecretStore, SecretStores};
pub use serve::{ServeOptions, TlsError, TlsListener};
pub use shield::ShieldSite;
pub use state::{State, StateError};
pub use user_agent::{UserAgent, UserAgentParser};

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
