//! An end for tests that would wait for ever.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::oneshot;

/// Longer than anything that a test waits for takes on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// What `future` gives; fails the test if that takes too long.
///
/// By the machine's clock, so that it says nothing in a test that pauses
/// tokio's, where waiting takes no time.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    // Most is there at once, and needs no thread.
    if let Some(there) = futures_util::FutureExt::now_or_never(future.as_mut()) {
        return there;
    }
    let (late, is_late) = oneshot::channel::<()>();
    let (finished, is_finished) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let waited = is_finished.recv_timeout(SOON);
        if waited == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = late.send(());
        }
    });
    tokio::select! {
        biased;
        value = future => {
            drop(finished);
            value
        }
        Ok(()) = is_late => panic!("{what} did not come within {SOON:?}"),
    }
}
