//! What kind of device a client is, by its user agent.

mod derived;
mod record;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

pub use record::{DeviceFacts, DeviceOs, DeviceRecord, DeviceUserAgent};

pub(crate) use derived::Derived;

use crate::meter::FirstTime;

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
    /// The detector builds its rules then, which takes some tenths of a second.
    pub(crate) first: FirstTime,
}

impl Devices {
    pub(crate) fn new(
        configured: HashMap<String, Arc<str>>,
        detector: Arc<dyn DeviceDetector>,
    ) -> Self {
        Self {
            configured,
            detector,
            first: FirstTime::default(),
        }
    }

    /// A configured device, as JSON.
    pub(crate) fn configured(&self, user_agent: &str) -> Option<Arc<str>> {
        self.configured.get(user_agent).cloned()
    }

    /// Any other device, as JSON.
    pub(crate) fn detect(&self, user_agent: &str) -> Option<Arc<str>> {
        let record = self.detector.detect(user_agent)?;
        Some(Arc::from(record.to_json()))
    }
}
