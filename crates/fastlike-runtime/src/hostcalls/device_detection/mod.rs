//! `fastly_device_detection`: what kind of device a user agent stands for.

mod witx;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::session::Session;

/// The device as JSON; an unknown one is `none`.
pub(crate) fn lookup(session: &Session, user_agent: &str) -> Result<Arc<str>> {
    let devices = &session.world.devices;
    if let Some(json) = devices.configured(user_agent) {
        return Ok(json);
    }
    let found = if devices.is_first() {
        session.meter.uncounted(|| devices.detect(user_agent))
    } else {
        devices.detect(user_agent)
    };
    found.ok_or(Error::Absent)
}
