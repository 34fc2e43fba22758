//! The ABI's functions: one folder a module, named as in the witx.
//!
//! `mod.rs` of a module is the meaning: functions from handles to objects.
//! `witx.rs` is the door: it decodes what a guest passed, calls the meaning,
//! encodes the answer, and decides nothing.

mod abi;
mod acl;
mod async_io;
mod backend;
mod compute_runtime;
mod config_store;
mod device_detection;
mod dictionary;
mod erl;
mod geo;
mod headers;
mod http_body;
mod http_downstream;
mod http_req;
mod http_resp;
mod kv_store;
mod legacy;
mod log;
mod object_store;
mod purge;
mod secret_store;
mod shielding;
mod status;
#[cfg(test)]
mod tests;
mod uap;
mod unavailable;
mod wasi;

use fastlike_abi::link;
use wasmtime::Linker;

use crate::sandbox::Sandbox;

pub(crate) use legacy::LEGACY;
pub(crate) use unavailable::Warned;
pub(crate) use wasi::WASI;

/// Links everything that a guest may import.
pub(crate) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    link::fastly_abi(linker)?;
    link::fastly_acl(linker)?;
    link::fastly_async_io(linker)?;
    link::fastly_backend(linker)?;
    link::fastly_compute_runtime(linker)?;
    link::fastly_config_store(linker)?;
    link::fastly_device_detection(linker)?;
    link::fastly_dictionary(linker)?;
    link::fastly_erl(linker)?;
    link::fastly_geo(linker)?;
    link::fastly_http_body(linker)?;
    link::fastly_http_downstream(linker)?;
    link::fastly_http_req(linker)?;
    link::fastly_http_resp(linker)?;
    link::fastly_kv_store(linker)?;
    link::fastly_log(linker)?;
    link::fastly_object_store(linker)?;
    link::fastly_purge(linker)?;
    link::fastly_secret_store(linker)?;
    link::fastly_shielding(linker)?;
    link::fastly_uap(linker)?;
    unavailable::link(linker)?;
    legacy::link(linker)?;
    wasi::link(linker)
}
