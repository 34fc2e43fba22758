//! Serves real programs and looks at what their clients, their origins and
//! their operators see. One file a module of the ABI; `cargo xtask guests`
//! builds the programs.

mod harness;

mod abi;
mod async_io;
mod backend;
mod cancellation;
mod compute_runtime;
mod config_store;
mod connections;
mod dictionary;
mod doors;
mod embedding;
mod geo;
mod hostile;
mod http_body;
mod http_downstream;
mod http_req;
mod http_resp;
mod isolation;
mod js;
mod legacy;
mod limits;
mod log;
mod loops;
mod observe;
mod shielding;
mod start;
mod uap;
mod unavailable;
