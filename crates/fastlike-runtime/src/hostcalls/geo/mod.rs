//! `fastly_geo`: where an address is.

mod witx;

use std::net::IpAddr;

use crate::session::Session;

/// The record of an address as JSON; an unknown address is an empty answer.
pub(crate) fn lookup(session: &Session, address: IpAddr) -> String {
    session
        .world
        .geo
        .lookup(address)
        .map(|record| record.to_json())
        .unwrap_or_default()
}
