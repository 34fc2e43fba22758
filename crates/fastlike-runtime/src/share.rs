//! Loading code that one engine compiled into another engine.

use wasmtime::{Engine, Module};

/// The module for an engine that differs only in how it allocates instances.
///
/// Compiling twice would double the start of a large guest.
#[expect(unsafe_code, reason = "wasmtime has no safe way to load compiled code")]
pub(crate) fn in_another_engine(module: &Module, engine: &Engine) -> wasmtime::Result<Module> {
    let code = module.serialize()?;
    // SAFETY: the bytes are what `Module::serialize` of this very process
    // returned a moment ago; they were never outside its memory, so they are
    // the unmodified output of this version of wasmtime, which is what
    // `deserialize` asks for. That the engine's settings fit is checked by
    // wasmtime itself.
    unsafe { Module::deserialize(engine, code) }
}
