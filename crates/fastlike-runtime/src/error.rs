//! What a hostcall can report, and what can go wrong before and around a run.

use std::path::PathBuf;

use crate::backend::SendError;
use crate::http::{BodyError, OverBudget};
use crate::kv::KvError;

/// The result of a hostcall's meaning.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// What a hostcall can report to its guest; `hostcalls/status.rs` says as
/// which status.
#[derive(thiserror::Error, Debug)]
pub(crate) enum Error {
    #[error("handle {handle} is no {kind}")]
    BadHandle { kind: &'static str, handle: u32 },
    #[error("invalid argument: {0}")]
    Invalid(&'static str),
    #[error("absent")]
    Absent,
    #[error("not supported: {0}")]
    Unsupported(&'static str),
    #[error("not there yet")]
    Again,
    #[error("limit of {max} reached: {what}")]
    Limit { what: &'static str, max: u64 },
    #[error("the response was already sent")]
    AlreadySent,
    #[error("the peer is gone")]
    PeerGone,
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    Kv(KvError),
    #[error("{0}")]
    Unspecified(&'static str),
}

impl From<OverBudget> for Error {
    fn from(over: OverBudget) -> Self {
        Self::Limit {
            what: "bytes of bodies held in memory",
            max: over.limit,
        }
    }
}

/// Why a program cannot be served.
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no wasm module.
    #[error("{name} is not a WebAssembly module: {why}")]
    NotWasm {
        /// The guest's file or name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The file is a wasm component.
    #[error(
        "{name} is a WebAssembly component, which is not supported yet: build a core module (wasm32-wasip1)"
    )]
    Component {
        /// The guest's file or name.
        name: String,
    },
    /// The module does not validate or compile.
    #[error("{name} does not compile: {why}")]
    Compile {
        /// The guest's file or name.
        name: String,
        /// What the compiler said.
        why: String,
    },
    /// The module begins with more memory than it may have.
    #[error(
        "{name} begins with more memory than the heap limit of {} MiB: raise the limit (heap_mib in \
         [local_server.limits] of fastly.toml)",
        limit.div_ceil(1024 * 1024)
    )]
    Heap {
        /// The guest's file or name.
        name: String,
        /// [`Limits::heap`](crate::Limits::heap), in bytes.
        limit: u64,
    },
    /// The guest imports what this runtime does not provide.
    #[error("{name} imports what fastlike does not provide:{}", listed(.imports))]
    UnknownImports {
        /// The guest's file or name.
        name: String,
        /// Each import, with what is wrong about it.
        imports: Vec<UnknownImport>,
    },
    /// The module has no entry point.
    #[error(
        "{name} exports no `_start` function: build it as a program (a `main`), not as a library"
    )]
    NoEntry {
        /// The guest's file or name.
        name: String,
    },
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] crate::state::StateError),
    /// A setting cannot work.
    #[error("{0}")]
    Settings(String),
    /// The engine could not be set up.
    #[error("the WebAssembly engine could not be set up: {0}")]
    Engine(String),
}

/// An import that cannot be satisfied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownImport {
    /// The import's module.
    pub module: String,
    /// The import's name.
    pub name: String,
    /// The nearest known import, or what is wrong with the type.
    pub hint: Option<String>,
}

pub(crate) fn listed(imports: &[UnknownImport]) -> String {
    let mut text = String::new();
    for import in imports {
        text.push_str(&format!(
            "\n  unknown import: `{}::{}` has not been defined",
            import.module, import.name
        ));
        if let Some(hint) = &import.hint {
            text.push_str(&format!(" ({hint})"));
        }
    }
    text
}

/// Why serving ended.
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The listener failed for good.
    #[error("the listener failed")]
    Accept(#[source] std::io::Error),
}
