//! The data of a guest's store: its session, its WASI, its memory's limit.

use std::sync::Arc;

use fastlike_abi::link::GuestState;
use wasmtime::{Memory, ResourceLimiter};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p1::WasiP1Ctx;

use crate::meter::Meter;
use crate::output::GuestStream;
use crate::profile::Recording;
use crate::session::Session;

/// One run of a guest. Built for the run and dropped with it.
pub(crate) struct Sandbox {
    pub(crate) session: Session,
    pub(crate) wasi: WasiP1Ctx,
    pub(crate) heap: HeapLimit,
    /// The profile of the run, if there is to be one.
    pub(crate) recording: Option<Box<Recording>>,
    memory: Option<Memory>,
}

/// A guest's arguments, and its output where it is not the service's.
#[derive(Default)]
pub(crate) struct Stdio {
    pub(crate) args: Vec<String>,
    pub(crate) stdout: Option<GuestStream>,
    pub(crate) stderr: Option<GuestStream>,
}

impl Sandbox {
    /// A sandbox that answers requests: without arguments.
    pub(crate) fn new(session: Session) -> Self {
        Self::with(session, Stdio::default())
    }

    pub(crate) fn with(session: Session, stdio: Stdio) -> Self {
        let world = &session.world;
        let Stdio {
            args,
            stdout,
            stderr,
        } = stdio;
        let mut wasi = WasiCtxBuilder::new();
        wasi.args(&args)
            .stdout(stdout.unwrap_or_else(|| GuestStream::lines(Arc::clone(&world.stdout))))
            .stderr(stderr.unwrap_or_else(|| GuestStream::lines(Arc::clone(&world.stderr))));
        for (name, value) in &world.environment {
            wasi.env(name, value);
        }
        // Of the first request: an environment does not change.
        let first = session.downstream.current();
        wasi.env("FASTLY_TRACE_ID", &first.request_id);
        Self {
            heap: HeapLimit {
                limit: world.limits.heap,
                meter: Arc::clone(&session.meter),
                refused: false,
            },
            wasi: wasi.build_p1(),
            session,
            recording: None,
            memory: None,
        }
    }
}

impl GuestState for Sandbox {
    fn memory_slot(&mut self) -> &mut Option<Memory> {
        &mut self.memory
    }
}

/// Keeps linear memory below the limit and measures it.
pub(crate) struct HeapLimit {
    limit: u64,
    meter: Arc<Meter>,
    /// The guest asked for more than it may have.
    pub(crate) refused: bool,
}

impl ResourceLimiter for HeapLimit {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let desired = desired as u64;
        if desired > self.limit {
            self.refused = true;
            return Ok(false);
        }
        self.meter.set_heap(desired);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= crate::limits::TABLE_ELEMENTS)
    }
}
