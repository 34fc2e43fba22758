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
    session
        .meter
        .uncounted_at_first(&devices.first, || devices.detect(user_agent))
        .ok_or(Error::Absent)
}
