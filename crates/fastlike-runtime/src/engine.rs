//! The wasm engines of a process, and the clock that interrupts guests.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use wasmtime::{
    Cache, CacheConfig, Config, Enabled, InstanceAllocationStrategy, OptLevel,
    PoolingAllocationConfig, WasmBacktraceDetails,
};

use crate::error::StartError;
use crate::limits::{Limits, TABLE_ELEMENTS};
use crate::profile::Profiler;

/// How often a running guest yields and its CPU time is looked at.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// Ticks without a running guest after which the clock stops.
const IDLE_TICKS: u32 = 4;

/// Stack of a guest: the platform's 1 MB.
const GUEST_STACK: usize = 1024 * 1024;

/// Two wasmtime engines with the same code: one whose instances come from a
/// pool of warm slots, and one that allocates for spikes past the pool.
pub(crate) struct Engine {
    pub(crate) pooled: wasmtime::Engine,
    pub(crate) on_demand: wasmtime::Engine,
    pub(crate) ticker: Arc<Ticker>,
}

impl Engine {
    pub(crate) fn new(
        limits: &Limits,
        compile_cache: Option<PathBuf>,
        profiler: Option<&Profiler>,
    ) -> Result<Self, StartError> {
        let mut config = Config::new();
        config
            .cranelift_opt_level(OptLevel::Speed)
            .epoch_interruption(true)
            .wasm_wide_arithmetic(true)
            // The platform has neither, and both would need a heap of their own.
            .wasm_gc(false)
            .wasm_exceptions(false)
            .relaxed_simd_deterministic(true)
            .wasm_backtrace_details(WasmBacktraceDetails::Enable)
            .max_wasm_stack(GUEST_STACK)
            .async_stack_size(2 * GUEST_STACK);
        if let Some(profiler) = profiler {
            config.profiler(profiler.strategy());
        }
        // Component-model async state a store: a cost that core modules never use.
        config.concurrency_support(false);
        if let Some(directory) = compile_cache {
            let mut cache = CacheConfig::new();
            cache.with_directory(&directory);
            match Cache::new(cache) {
                Ok(cache) => drop(config.cache(Some(cache))),
                Err(error) => tracing::warn!(
                    "compiling without a cache: {}: {error}",
                    directory.display()
                ),
            }
        }
        let failed = |error: wasmtime::Error| StartError::Engine(format!("{error:#}"));
        let on_demand = wasmtime::Engine::new(&config).map_err(failed)?;
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
        let pooled = wasmtime::Engine::new(&config).map_err(|error| {
            let slots = limits.pool_slots;
            StartError::Engine(format!(
                "{error:#}: it is to have {slots} warm slots, and fewer (pool_slots) take less \
                 address space"
            ))
        })?;
        let tick = profiler.map_or(TICK, Profiler::tick);
        let ticker = Ticker::start(vec![pooled.clone(), on_demand.clone()], tick);
        Ok(Self {
            pooled,
            on_demand,
            ticker,
        })
    }
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let slots = u32::try_from(limits.pool_slots.max(1)).unwrap_or(u32::MAX);
    let heap = usize::try_from(limits.heap)
        .unwrap_or(usize::MAX)
        .next_multiple_of(64 * 1024);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(slots)
        .total_memories(slots)
        .total_tables(slots.saturating_mul(2))
        .total_stacks(slots)
        .total_gc_heaps(0)
        .total_component_instances(0)
        .max_unused_warm_slots(slots)
        .max_memories_per_module(1)
        .max_tables_per_module(2)
        .max_memory_size(heap)
        .max_core_instance_size(1024 * 1024)
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(limits.keep_resident)
        .table_keep_resident(64 * 1024)
        .decommit_batch_size(1)
        .pagemap_scan(if swap_is_off() {
            Enabled::Auto
        } else {
            Enabled::No
        });
    pool
}

/// The scan finds the pages a run dirtied without unmapping the others, but
/// wasmtime 48 overlooks pages that were swapped out meanwhile, which the next
/// run would see. So: only where nothing is ever swapped out.
fn swap_is_off() -> bool {
    std::fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() == 1)
}

/// Increments the engines' epoch while any guest runs, and sleeps otherwise:
/// an idle process costs no wake-ups, nor do guests that wait for an origin.
#[derive(Debug)]
pub(crate) struct Ticker {
    polled: AtomicUsize,
    parked: AtomicBool,
    thread: std::thread::Thread,
}

/// A guest is being polled as long as this lives.
pub(crate) struct Ticking<'a>(&'a Ticker);

impl Ticker {
    #[expect(
        clippy::disallowed_methods,
        reason = "a thread of its own, so that a busy runtime cannot delay the clock"
    )]
    fn start(engines: Vec<wasmtime::Engine>, tick: Duration) -> Arc<Self> {
        let (sender, receiver) = std::sync::mpsc::channel::<std::sync::Weak<Self>>();
        let weak: Vec<_> = engines.iter().map(wasmtime::Engine::weak).collect();
        let thread = std::thread::Builder::new()
            .name("fastlike-epoch".to_owned())
            .spawn(move || {
                let Ok(ticker) = receiver.recv() else { return };
                let mut idle = 0;
                // The clock ends with its engines.
                while let Some(ticker) = ticker.upgrade() {
                    if ticker.polled.load(Ordering::Relaxed) > 0 {
                        idle = 0;
                    } else {
                        idle += 1;
                    }
                    if idle > IDLE_TICKS {
                        idle = 0;
                        ticker.parked.store(true, Ordering::SeqCst);
                        let stay = ticker.polled.load(Ordering::SeqCst) == 0;
                        drop(ticker);
                        if stay {
                            std::thread::park();
                        }
                        continue;
                    }
                    drop(ticker);
                    std::thread::sleep(tick);
                    for engine in &weak {
                        if let Some(engine) = engine.upgrade() {
                            engine.increment_epoch();
                        }
                    }
                }
            });
        let handle = match &thread {
            Ok(thread) => thread.thread().clone(),
            // Out of threads: nothing runs any more anyway.
            Err(_) => std::thread::current(),
        };
        let ticker = Arc::new(Self {
            polled: AtomicUsize::new(0),
            parked: AtomicBool::new(false),
            thread: handle,
        });
        drop(sender.send(Arc::downgrade(&ticker)));
        ticker
    }

    /// Keeps the clock going until the guard is dropped.
    pub(crate) fn enter(&self) -> Ticking<'_> {
        // Sequentially consistent with the check before parking: either the
        // clock sees this guest, or this guest sees that the clock is parked.
        if self.polled.fetch_add(1, Ordering::SeqCst) == 0 && self.parked.load(Ordering::SeqCst) {
            self.parked.store(false, Ordering::SeqCst);
            self.thread.unpark();
        }
        Ticking(self)
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.polled.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.thread.unpark();
    }
}
