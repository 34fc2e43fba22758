//! What kind of device a client is, by its user agent.

mod derived;
mod record;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use record::{DeviceFacts, DeviceOs, DeviceRecord, DeviceUserAgent};

pub(crate) use derived::Derived;

/// Knows devices by their user agents, for `fastly_device_detection::lookup`.
/// Closures `Fn(&str) -> Option<DeviceRecord>` implement it.
///
/// Asked for each lookup of a guest, so it must answer at once.
pub trait DeviceDetector: Send + Sync + 'static {
    /// What is known of the client with this user agent; nothing if that is
    /// nothing at all.
    fn detect(&self, user_agent: &str) -> Option<DeviceRecord>;
}

impl<F: Fn(&str) -> Option<DeviceRecord> + Send + Sync + 'static> DeviceDetector for F {
    fn detect(&self, user_agent: &str) -> Option<DeviceRecord> {
        self(user_agent)
    }
}

/// The devices of a service: those that are configured, by their exact user
/// agent, and a detector for all others.
pub(crate) struct Devices {
    configured: HashMap<String, Arc<str>>,
    detector: Arc<dyn DeviceDetector>,
    asked: AtomicBool,
}

impl Devices {
    pub(crate) fn new(
        configured: HashMap<String, Arc<str>>,
        detector: Arc<dyn DeviceDetector>,
    ) -> Self {
        Self {
            configured,
            detector,
            asked: AtomicBool::new(false),
        }
    }

    /// A configured device, as JSON.
    pub(crate) fn configured(&self, user_agent: &str) -> Option<Arc<str>> {
        self.configured.get(user_agent).cloned()
    }

    /// True once, before the detector is asked for the first time: it builds
    /// its rules then, which takes some tenths of a second.
    pub(crate) fn is_first(&self) -> bool {
        !self.asked.load(Ordering::Relaxed) && !self.asked.swap(true, Ordering::Relaxed)
    }

    /// Any other device, as JSON.
    pub(crate) fn detect(&self, user_agent: &str) -> Option<Arc<str>> {
        let record = self.detector.detect(user_agent)?;
        Some(Arc::from(record.to_json()))
    }
}
