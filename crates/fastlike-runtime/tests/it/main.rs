//! Serves real programs and looks at what their clients, their origins and
//! their operators see. One file a module of the ABI; `cargo xtask guests`
//! builds the programs.

mod harness;

mod abi;
mod backend;
mod cancellation;
mod compute_runtime;
mod config_store;
mod connections;
mod dictionary;
mod geo;
mod hostile;
mod http_body;
mod http_downstream;
mod http_req;
mod http_resp;
mod limits;
mod log;
mod loops;
mod uap;
mod unavailable;
