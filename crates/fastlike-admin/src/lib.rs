//! An admin listener for fastlike.
//!
//! [`Admin`] serves, on an address of its own,
//!
//! * the part of the platform's public API that fills stores: KV, config and
//!   secret stores, access control lists, purging. Scripts, SDKs and the
//!   official CLI that are pointed at it fill a local service;
//! * `/metrics` in the text format of Prometheus, `/healthz` and `/readyz`.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use fastlike_admin::{Admin, Metrics, Token};
//! use fastlike_runtime::{Current, Fastlike};
//! use tokio::net::TcpListener;
//!
//! let metrics = Metrics::new();
//! let fastlike = Fastlike::builder("app.wasm").observer(metrics.clone()).build().await?;
//! let current = Current::new(fastlike);
//!
//! let token = Token::random();
//! println!("export FASTLY_API_TOKEN={}", token.as_str());
//! let admin = Admin::new(current.clone(), token).metrics(metrics);
//! let listener = TcpListener::bind("127.0.0.1:7677").await?;
//! tokio::spawn(async move { admin.serve(listener, std::future::pending()).await });
//!
//! current.serve(TcpListener::bind("127.0.0.1:7676").await?, std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Who may do what
//!
//! Everything of the API needs the [`Token`], in `Fastly-Key` as the platform
//! has it, or as a bearer token. `/healthz` and `/readyz` need none, nor does
//! `/metrics` on a loopback address.
//!
//! A web page in a browser on the same machine can send requests to a loopback
//! address, also under a name of its own that resolves there. So a request
//! must be made to a loopback name or to an address (`Host`), and if it says
//! which page it comes from (`Origin`), that must be this listener itself.
//!
//! A listener that others can reach is refused unless [`Admin::remote`] allows
//! it: the token, and the values, are sent in cleartext.
//!
//! # Which stores
//!
//! Those of the service that is [current](fastlike_runtime::Current) when a
//! request comes. A store's id is its name. KV stores outlast a reload; config
//! stores, secret stores and ACLs are read from the manifest again then.

mod admin;
mod answer;
mod api;
mod body;
mod guard;
mod limits;
mod metrics;
mod page;
mod request;
mod routes;
mod server;
#[cfg(test)]
mod tests;
mod timestamp;
mod token;

pub use admin::{Admin, AdminError};
pub use metrics::Metrics;
pub use token::{Token, TokenError};
