//! One run of a guest: instantiate, enter, and say how it ended.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::meter::Meter;
use crate::observe::Outcome;
use crate::program::Linked;
use crate::sandbox::Sandbox;

/// How a run ended, with the backtrace of a fault.
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) backtrace: Option<String>,
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            backtrace: None,
        }
    }
}

/// Raised by the epoch callback.
#[derive(thiserror::Error, Debug)]
#[error("the guest used up its CPU time of {0:?}")]
struct CpuLimitReached(Duration);

/// A store for a run, limited in memory and CPU time.
pub(crate) fn store(linked: &Linked, sandbox: Sandbox) -> Store<Sandbox> {
    let limit = sandbox.session.world.limits.cpu;
    let mut store = Store::new(linked.instance.module().engine(), sandbox);
    store.limiter(|sandbox| &mut sandbox.heap);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |mut context| {
        let meter: &Arc<Meter> = &context.data().session.meter;
        if meter.turn_so_far() > limit {
            return Err(CpuLimitReached(limit).into());
        }
        let cpu = meter.cpu_so_far();
        // Out of the store while the store is looked at.
        let Some(mut recording) = context.data_mut().recording.take() else {
            return Ok(UpdateDeadline::Yield(1));
        };
        recording.sample(&context, cpu);
        let yields = recording.yields();
        context.data_mut().recording = Some(recording);
        Ok(if yields {
            UpdateDeadline::Yield(1)
        } else {
            UpdateDeadline::Continue(1)
        })
    });
    store
}

/// Runs the guest to its end. Waiting is not bounded here.
pub(crate) async fn run(linked: &Linked, mut sandbox: Sandbox) -> Ended {
    let session = &sandbox.session;
    if let Some(profiler) = &session.world.profiler {
        let request_id = &session.downstream.current().request_id;
        sandbox.recording = profiler.record(linked.instance.module(), request_id);
    }
    let mut store = store(linked, sandbox);
    let instance = match linked.instance.instantiate_async(&mut store).await {
        Ok(instance) => instance,
        Err(error) => return classify(&store, error),
    };
    let entry = instance
        .get_module_export(&mut store, &linked.entry)
        .and_then(wasmtime::Extern::into_func);
    let Some(entry) = entry.and_then(|func| func.typed::<(), ()>(&store).ok()) else {
        return Outcome::NotStarted("`_start` takes arguments".to_owned()).into();
    };
    match entry.call_async(&mut store, ()).await {
        Ok(()) => Outcome::Finished.into(),
        Err(error) => classify(&store, error),
    }
}

fn classify(store: &Store<Sandbox>, error: wasmtime::Error) -> Ended {
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return match exit.0 {
            0 => Outcome::Finished.into(),
            code => Outcome::Exited(code).into(),
        };
    }
    let backtrace = error
        .downcast_ref::<WasmBacktrace>()
        .map(ToString::to_string);
    let outcome = if error.is::<CpuLimitReached>() {
        Outcome::CpuLimit
    } else {
        let mut why = match error.downcast_ref::<Trap>() {
            Some(trap) => trap.to_string(),
            None => error.root_cause().to_string(),
        };
        if store.data().heap.refused {
            let limit = store.data().session.world.limits.heap;
            why.push_str(&format!(
                " (after it asked for more than its {} MiB of memory)",
                limit.div_ceil(1024 * 1024)
            ));
        }
        Outcome::Trapped(why)
    };
    Ended { outcome, backtrace }
}
