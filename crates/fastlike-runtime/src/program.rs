//! A guest, compiled and linked, before anything is known of a request.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use wasmtime::{InstancePre, Linker, Module, ModuleExport};

use crate::engine::Engine;
use crate::error::{StartError, UnknownImport, listed};
use crate::hostcalls;
use crate::imports::{self, UnknownImports};
use crate::sandbox::Sandbox;

/// Where a guest's code comes from.
#[derive(Debug, Clone)]
pub struct Guest(Source);

#[derive(Debug, Clone)]
enum Source {
    File(PathBuf),
    Bytes { name: String, bytes: Vec<u8> },
}

impl Guest {
    /// A guest whose code is here: binary or text (`.wat`). The name is for messages.
    pub fn bytes(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self(Source::Bytes {
            name: name.into(),
            bytes: bytes.into(),
        })
    }

    /// A guest in a `.wasm` or `.wat` file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(path.into()))
    }

    fn load(self) -> Result<(String, Vec<u8>), StartError> {
        match self.0 {
            Source::Bytes { name, bytes } => Ok((name, bytes)),
            Source::File(path) => match std::fs::read(&path) {
                Ok(bytes) => Ok((path.display().to_string(), bytes)),
                Err(source) => Err(StartError::Read { path, source }),
            },
        }
    }
}

impl From<PathBuf> for Guest {
    fn from(path: PathBuf) -> Self {
        Self::file(path)
    }
}

impl From<&Path> for Guest {
    fn from(path: &Path) -> Self {
        Self::file(path)
    }
}

impl From<&str> for Guest {
    fn from(path: &str) -> Self {
        Self::file(path)
    }
}

/// What was loaded.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Summary {
    /// The guest's file or name.
    pub guest: String,
    /// Bytes of its code.
    pub bytes: usize,
    /// How long compiling and linking took.
    pub took: Duration,
    /// Functions it imports from this runtime.
    pub imports: usize,
    /// Functions it imports that nobody has, and that something stands in for
    /// ([`Builder::unknown_imports`](crate::Builder::unknown_imports)).
    pub unknown_imports: Vec<UnknownImport>,
    /// Names of the configured backends.
    pub backends: Vec<String>,
    /// Names of the configured config stores.
    pub config_stores: Vec<String>,
}

/// What the engine says of a module with more memory than a slot has.
const MEMORY: &str = "module memory does not fit in pooling allocator";

/// A guest, compiled and with its imports checked and linked.
pub(crate) struct Program {
    pooled: Linked,
    on_demand: OnceLock<Linked>,
    pub(crate) name: String,
    pub(crate) bytes: usize,
    pub(crate) imports: usize,
    pub(crate) unknown: Vec<UnknownImport>,
    behavior: UnknownImports,
    pub(crate) took: Duration,
}

/// A module linked in one engine.
#[derive(Clone)]
pub(crate) struct Linked {
    pub(crate) instance: InstancePre<Sandbox>,
    /// `_start`, looked up once.
    pub(crate) entry: ModuleExport,
}

impl Program {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long the machine takes is real time"
    )]
    pub(crate) fn load(
        engine: &Engine,
        guest: Guest,
        behavior: UnknownImports,
        heap: u64,
    ) -> Result<Self, StartError> {
        let began = Instant::now();
        let (name, bytes) = guest.load()?;
        check_kind(&name, &bytes)?;
        let module = Module::new(&engine.pooled, &bytes).map_err(|error| {
            let (name, why) = (name.clone(), format!("{error:#}"));
            if why.contains(MEMORY) {
                return StartError::Heap { name, limit: heap };
            }
            StartError::Compile { name, why }
        })?;
        let unknown = imports::audit(&name, &module, behavior)?;
        if !unknown.is_empty() {
            let becomes = match behavior {
                UnknownImports::ZeroOrNull => "gives 0",
                UnknownImports::Trap | UnknownImports::Refuse => "traps",
            };
            tracing::warn!(
                "{name} imports what fastlike does not provide, and a call of it {becomes}:{}",
                listed(&unknown)
            );
        }
        let pooled = link(&name, &module, behavior, &engine.pooled)?;
        Ok(Self {
            pooled,
            on_demand: OnceLock::new(),
            imports: module.imports().len(),
            unknown,
            behavior,
            bytes: bytes.len(),
            name,
            took: began.elapsed(),
        })
    }

    /// The program in the engine of warm slots.
    pub(crate) fn pooled(&self) -> &Linked {
        &self.pooled
    }

    /// The program in the engine for spikes, loaded at the first one.
    pub(crate) fn on_demand(&self, engine: &Engine) -> Result<&Linked, StartError> {
        if let Some(linked) = self.on_demand.get() {
            return Ok(linked);
        }
        let module =
            crate::share::in_another_engine(self.pooled.instance.module(), &engine.on_demand)
                .map_err(|error| StartError::Engine(format!("{error:#}")))?;
        let linked = link(&self.name, &module, self.behavior, &engine.on_demand)?;
        Ok(self.on_demand.get_or_init(|| linked))
    }
}

fn link(
    name: &str,
    module: &Module,
    behavior: UnknownImports,
    engine: &wasmtime::Engine,
) -> Result<Linked, StartError> {
    let failed = |error: wasmtime::Error| StartError::Engine(format!("{error:#}"));
    let mut linker = Linker::new(engine);
    hostcalls::link(&mut linker).map_err(failed)?;
    imports::stand_in(&mut linker, module, behavior).map_err(failed)?;
    let instance = linker
        .instantiate_pre(module)
        .map_err(|error| StartError::Compile {
            name: name.to_owned(),
            why: format!("{error:#}"),
        })?;
    let entry = module
        .get_export_index("_start")
        .ok_or_else(|| StartError::NoEntry {
            name: name.to_owned(),
        })?;
    Ok(Linked { instance, entry })
}

/// `\0asm`, then 1 for a core module or the component layer.
fn check_kind(name: &str, bytes: &[u8]) -> Result<(), StartError> {
    let not_wasm = |why: &str| {
        Err(StartError::NotWasm {
            name: name.to_owned(),
            why: why.to_owned(),
        })
    };
    match bytes {
        [] => not_wasm("the file is empty"),
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Err(StartError::Component {
            name: name.to_owned(),
        }),
        [0, b'a', b's', b'm', ..] => Ok(()),
        // Text: the parser's own message names line and column.
        text if text.trim_ascii_start().starts_with(b"(")
            || text.trim_ascii_start().starts_with(b";;") =>
        {
            let text = String::from_utf8_lossy(text);
            let first = text
                .lines()
                .map(str::trim)
                .find(|line| !line.is_empty() && !line.starts_with(";;"));
            if first.is_some_and(|line| line.starts_with("(component")) {
                return Err(StartError::Component {
                    name: name.to_owned(),
                });
            }
            Ok(())
        }
        _ => not_wasm("it does not begin with \\0asm, nor is it wasm text"),
    }
}
