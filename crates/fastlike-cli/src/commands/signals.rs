//! The signals that end serving.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;
use crate::report::Report;

/// The number of the signal that says that the terminal is gone.
const HANGUP: i32 = 1;

/// Interrupt (Ctrl-C), termination, and the end of the terminal. Registered
/// before the first request, so that none is missed.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
    /// None if it is ignored, and is to stay so.
    #[cfg(unix)]
    hangup: Option<Signal>,
}

impl Signals {
    pub(super) fn new() -> Result<Self, Failure> {
        Self::register().map_err(|error| super::cannot("wait for signals", error))
    }

    #[cfg(unix)]
    fn register() -> io::Result<Self> {
        let hangup = (!is_ignored(HANGUP)).then(|| signal(SignalKind::hangup()));
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: hangup.transpose()?,
        })
    }

    #[cfg(not(unix))]
    fn register() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Ends with the first signal. The second one ends the process, with the
    /// exit code that shells give to a process that died of it.
    pub(super) async fn first(mut self, report: Report) {
        self.next().await;
        report.stopping();
        tokio::spawn(async move {
            let mut number = HANGUP;
            // A terminal that goes may say so more than once.
            while number == HANGUP {
                number = self.next().await;
            }
            report.printer().flush();
            std::process::exit(128 + number);
        });
    }

    /// The number of the next one.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) -> i32 {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
            _ = hangup => HANGUP,
        }
    }

    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) -> i32 {
        match tokio::signal::ctrl_c().await {
            Ok(()) => 2,
            // Nobody can interrupt us, then.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Whether the process was started with this signal ignored, as `nohup` does
/// it. Where the system does not tell, the signal is left alone.
#[cfg(unix)]
fn is_ignored(number: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask >> (number - 1) & 1 == 1)
}
