//! Serves real programs and looks at what their clients, their origins and
//! their operators see. One file a module of the ABI; `cargo xtask guests`
//! builds the programs.

mod harness;

mod abi;
mod acl;
mod async_io;
mod backend;
mod cancellation;
mod compute_runtime;
mod config_store;
mod connections;
mod current;
mod device_detection;
mod dictionary;
mod doors;
mod embedding;
mod erl;
mod geo;
mod hostile;
mod http_body;
mod http_downstream;
mod http_req;
mod http_resp;
mod invocation;
mod isolation;
mod js;
mod kv_store;
mod legacy;
mod limits;
mod log;
mod loops;
mod object_store;
mod observe;
mod purge;
mod secret_store;
mod shielding;
mod start;
mod uap;
mod unavailable;
