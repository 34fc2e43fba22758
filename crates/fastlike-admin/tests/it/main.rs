//! The admin listener over real sockets, beside a service.

mod access;
mod api;
mod guest;
mod health;
mod kv;
mod limits;
mod metrics;

mod harness;
