//! The value of `--profile`.

use std::path::PathBuf;
use std::time::Duration;

use fastlike_runtime::{GuestProfile, Profiler};

use crate::units;

/// In the words of the official tools' runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Profile {
    Guest {
        /// A folder while serving, a file of a run.
        path: Option<PathBuf>,
        period: Option<Duration>,
    },
    PerfMap,
    JitDump,
    VTune,
}

impl Profile {
    /// While serving: a file for each request.
    pub(crate) fn of_requests(self) -> Profiler {
        self.profiler("guest-profiles", GuestProfile::folder)
    }

    /// Of a run: one file.
    pub(crate) fn of_run(self) -> Profiler {
        self.profiler("guest-profile.json", GuestProfile::file)
    }

    fn profiler(self, usual: &str, guest: impl FnOnce(PathBuf) -> GuestProfile) -> Profiler {
        match self {
            Self::Guest { path, period } => {
                let profile = guest(path.unwrap_or_else(|| PathBuf::from(usual)));
                Profiler::Guest(match period {
                    Some(period) => profile.period(period),
                    None => profile,
                })
            }
            Self::PerfMap => Profiler::PerfMap,
            Self::JitDump => Profiler::JitDump,
            Self::VTune => Profiler::VTune,
        }
    }
}

/// `guest`, `guest,PATH`, `guest,PATH,PERIOD`, or another strategy.
pub(super) fn profile(text: &str) -> Result<Profile, String> {
    let mut parts = text.splitn(3, ',');
    let strategy = parts.next().unwrap_or_default();
    let (path, period) = (parts.next(), parts.next());
    if strategy != "guest" && path.is_some() {
        return Err(format!("only `guest` takes a path, not `{strategy}`"));
    }
    Ok(match strategy {
        "guest" => Profile::Guest {
            path: path.filter(|path| !path.is_empty()).map(PathBuf::from),
            period: period.map(period_of).transpose()?,
        },
        "perfmap" => Profile::PerfMap,
        "jitdump" => Profile::JitDump,
        "vtune" => Profile::VTune,
        _ => {
            return Err(
                "write guest, guest,PATH, guest,PATH,PERIOD, perfmap, jitdump or vtune".to_owned(),
            );
        }
    })
}

/// `50us`, also as `period=50us`.
fn period_of(text: &str) -> Result<Duration, String> {
    let text = text.strip_prefix("period=").unwrap_or(text);
    units::duration(text).map_err(|_| "write the period as 50us or 1ms".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategies_are_read_with_their_path_and_period() {
        let guest = |path: Option<&str>, micros: Option<u64>| {
            Ok(Profile::Guest {
                path: path.map(PathBuf::from),
                period: micros.map(Duration::from_micros),
            })
        };
        assert_eq!(profile("guest"), guest(None, None));
        assert_eq!(profile("guest,dir"), guest(Some("dir"), None));
        assert_eq!(profile("guest,dir,1ms"), guest(Some("dir"), Some(1000)));
        assert_eq!(profile("guest,,period=50us"), guest(None, Some(50)));
        assert_eq!(profile("perfmap"), Ok(Profile::PerfMap));
        for wrong in ["", "gues", "jitdump,x", "guest,dir,often", "guest,dir,0us"] {
            assert!(profile(wrong).is_err(), "{wrong}");
        }
    }
}
