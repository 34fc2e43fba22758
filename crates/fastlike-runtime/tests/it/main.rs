//! Serves real programs and looks at what their clients, their origins and
//! their operators see. One file a module of the ABI; `cargo xtask guests`
//! builds the programs.

mod harness;

mod abi;
mod backend;
mod compute_runtime;
mod config_store;
mod dictionary;
mod geo;
mod http_req;
mod log;
mod uap;
mod unavailable;
