//! Where a guest's time goes: samples of its stack, or symbols for profilers
//! of the system.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wasmtime::{AsContext, GuestProfiler, Module, ProfilingStrategy};

use crate::engine::TICK;
use crate::error::StartError;
use crate::limits;

/// How guests are profiled: [`Builder::profiler`](crate::Builder::profiler).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Profiler {
    /// Samples of each run, for <https://profiler.firefox.com>.
    Guest(GuestProfile),
    /// Names of compiled functions in `/tmp/perf-PID.map`, for Linux' `perf`.
    PerfMap,
    /// Names and code of compiled functions in `jit-PID.dump` in the working
    /// directory, for Linux' `perf inject`.
    JitDump,
    /// Names of compiled functions for Intel's VTune.
    VTune,
}

/// Profiles of runs, in the format of the Firefox profiler.
///
/// The guest is looked at where it enters a function or begins a round of a
/// loop: the time that it waits, or that the runtime works for it, has no
/// samples. A sandbox that answers several requests has one profile.
#[derive(Debug, Clone)]
pub struct GuestProfile {
    target: Target,
    period: Duration,
}

#[derive(Debug, Clone)]
enum Target {
    Folder(PathBuf),
    File(PathBuf),
}

impl GuestProfile {
    /// A file for each run in this folder, which is made if it is not there.
    /// Its name is the time in seconds and the request's number.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self::to(Target::Folder(path.into()))
    }

    /// This file, which the next run overwrites: for a program that is
    /// [run](crate::Fastlike::run) once.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::to(Target::File(path.into()))
    }

    fn to(target: Target) -> Self {
        Self {
            target,
            period: Duration::from_micros(50),
        }
    }

    /// How much time lies between two samples; 50 µs without this, and never
    /// less than the system's clock allows (some 100 µs on Linux).
    pub fn period(mut self, period: Duration) -> Self {
        self.period = period.clamp(Duration::from_micros(1), TICK);
        self
    }

    /// The path of the profile of a run.
    fn path(&self, request_id: &str) -> PathBuf {
        match &self.target {
            Target::File(file) => file.clone(),
            Target::Folder(folder) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let seconds = now.unwrap_or_default().as_secs();
                folder.join(format!("{seconds}-{request_id}.json"))
            }
        }
    }
}

impl Profiler {
    /// What the engine has to do.
    pub(crate) fn strategy(&self) -> ProfilingStrategy {
        match self {
            Self::Guest(_) => ProfilingStrategy::None,
            Self::PerfMap => ProfilingStrategy::PerfMap,
            Self::JitDump => ProfilingStrategy::JitDump,
            Self::VTune => ProfilingStrategy::VTune,
        }
    }

    /// How often the engine's clock has to tick.
    pub(crate) fn tick(&self) -> Duration {
        match self {
            Self::Guest(profile) => profile.period,
            _ => TICK,
        }
    }

    /// Makes the folder of the profiles.
    pub(crate) fn prepare(&self) -> Result<(), StartError> {
        let folder = match self {
            Self::Guest(profile) => match &profile.target {
                Target::Folder(folder) => folder.as_path(),
                Target::File(file) => match file.parent() {
                    Some(folder) => folder,
                    None => return Ok(()),
                },
            },
            _ => return Ok(()),
        };
        std::fs::create_dir_all(folder).map_err(|error| {
            StartError::Settings(format!(
                "profiles cannot be written to `{}`: {error}",
                folder.display()
            ))
        })
    }

    /// Begins to record a run.
    pub(crate) fn record(&self, module: &Module, request_id: &str) -> Option<Box<Recording>> {
        let Self::Guest(profile) = self else {
            return None;
        };
        let name = module.name().unwrap_or("guest").to_owned();
        let modules = [(name.clone(), module.clone())];
        match GuestProfiler::new(module.engine(), &name, profile.period, modules) {
            Ok(profiler) => Some(Box::new(Recording {
                profiler: Some(profiler),
                path: profile.path(request_id),
                room: Samples::default(),
                cpu: Duration::ZERO,
                yielded: Duration::ZERO,
            })),
            Err(error) => {
                tracing::warn!("no profile of a run: {error:#}");
                None
            }
        }
    }
}

/// Counts the samples of a profile.
#[derive(Debug, Default)]
struct Samples(usize);

/// Whether there is room for another sample.
#[derive(Debug, PartialEq, Eq)]
enum Room {
    There,
    /// The first one that there is no room for.
    JustFull,
    Full,
}

impl Samples {
    fn take(&mut self) -> Room {
        let room = match self.0.cmp(&limits::PROFILE_SAMPLES) {
            Ordering::Less => Room::There,
            Ordering::Equal => Room::JustFull,
            Ordering::Greater => return Room::Full,
        };
        self.0 += 1;
        room
    }
}

/// The samples of one run. They are written when it is dropped, however the
/// run ends.
pub(crate) struct Recording {
    profiler: Option<GuestProfiler>,
    path: PathBuf,
    room: Samples,
    /// CPU time of the run at the last sample.
    cpu: Duration,
    /// CPU time of the run when it last yielded.
    yielded: Duration,
}

impl Recording {
    /// Looks at the stack of a guest that has used so much CPU time.
    pub(crate) fn sample(&mut self, store: impl AsContext, cpu: Duration) {
        let since = cpu.saturating_sub(self.cpu);
        self.cpu = cpu;
        match (self.room.take(), &mut self.profiler) {
            (Room::There, Some(profiler)) => profiler.sample(store, since),
            (Room::JustFull, _) => tracing::warn!(
                "the profile {} is full: it has {} samples",
                self.path.display(),
                limits::PROFILE_SAMPLES
            ),
            _ => {}
        }
    }

    /// Whether it is time to let others run, as it is without a profile.
    pub(crate) fn yields(&mut self) -> bool {
        let yields = self.cpu.saturating_sub(self.yielded) >= TICK;
        if yields {
            self.yielded = self.cpu;
        }
        yields
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let Some(profiler) = self.profiler.take() else {
            return;
        };
        let path = &self.path;
        match write(profiler, path) {
            Ok(()) => tracing::info!("wrote the profile {}", path.display()),
            Err(error) => {
                tracing::warn!("cannot write the profile {}: {error:#}", path.display());
            }
        }
    }
}

/// Writes as a whole or not at all, so that a reader who looks for new files
/// finds none that is half written.
fn write(profiler: GuestProfiler, path: &Path) -> wasmtime::Result<()> {
    let half = path.with_extension("json.part");
    let mut file = BufWriter::new(File::create(&half)?);
    let written = profiler.finish(&mut file).and_then(|()| Ok(file.flush()?));
    drop(file);
    written.and_then(|()| Ok(std::fs::rename(&half, path)?))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_full_once() {
        let mut samples = Samples::default();
        for _ in 0..limits::PROFILE_SAMPLES {
            assert_eq!(samples.take(), Room::There);
        }
        assert_eq!(samples.take(), Room::JustFull);
        assert_eq!(samples.take(), Room::Full);
    }

    #[test]
    fn periods_are_at_least_something_and_at_most_a_tick() {
        let tick = |period| Profiler::Guest(GuestProfile::folder("x").period(period)).tick();
        assert_eq!(tick(Duration::ZERO), Duration::from_micros(1));
        assert_eq!(tick(Duration::from_millis(1)), Duration::from_millis(1));
        assert_eq!(tick(Duration::MAX), TICK);
        assert_eq!(Profiler::PerfMap.tick(), TICK);
    }
}
