//! The value of `--profile`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fastlike_runtime::{GuestProfile, Profiler};

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

/// Where profiles of requests go, if nothing else is typed.
const FOLDER: &str = "guest-profiles";

impl Profile {
    /// Where the profiles of requests are, if some are written.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Guest { path, .. } => Some(path.as_deref().unwrap_or(Path::new(FOLDER))),
            _ => None,
        }
    }

    /// While serving: a file for each request.
    pub(crate) fn of_requests(self) -> Profiler {
        self.profiler(FOLDER, GuestProfile::folder)
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

/// No clock ticks more often.
const SHORTEST: Duration = Duration::from_micros(1);

/// `50us`, also as `period=50us`. A bare number is one of milliseconds.
fn period_of(text: &str) -> Result<Duration, String> {
    let text = text.strip_prefix("period=").unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let period: fn(u64) -> Duration = match unit {
        "s" => Duration::from_secs,
        "ms" | "" => Duration::from_millis,
        // The Greek letter, and the sign that keyboards have.
        "us" | "\u{3bc}s" | "\u{b5}s" => Duration::from_micros,
        "ns" => Duration::from_nanos,
        _ => return Err("write the period as 50us or 1ms".to_owned()),
    };
    let number = number.parse().map_err(|_| "the period is no number")?;
    Ok(period(number).max(SHORTEST))
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
        assert_eq!(profile("guest,"), guest(None, None));
        assert_eq!(profile("perfmap"), Ok(Profile::PerfMap));
        for wrong in ["", "gues", "jitdump,x", "guest,dir,often", "guest,dir,"] {
            assert!(profile(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn periods_have_the_official_runtimes_units() {
        for (text, micros) in [
            ("2s", 2_000_000),
            ("3ms", 3_000),
            ("4", 4_000),
            ("50us", 50),
            ("50\u{3bc}s", 50),
            ("50\u{b5}s", 50),
            ("7000ns", 7),
            ("1ns", 1),
            ("0", 1),
        ] {
            assert_eq!(period_of(text), Ok(Duration::from_micros(micros)), "{text}");
        }
        for wrong in ["1m", "us", "-5us", "1.5ms", "99999999999999999999s"] {
            assert!(period_of(wrong).is_err(), "{wrong}");
        }
    }
}
