//! `fastly_acl`: which prefix of a list an address falls into.

mod witx;

use std::net::IpAddr;

use fastlike_abi::types::{AclHandle, BodyHandle};

use crate::acl::Acl;
use crate::error::{Error, Result};
use crate::http::Body;
use crate::session::Session;

/// The list of this name. SDKs read `none` as "does not exist".
pub(crate) fn open(session: &Session, name: &str) -> Result<Acl> {
    let acls = &session.world.acls;
    acls.get(name).ok_or_else(|| {
        acls.warn_unknown(name);
        Error::Absent
    })
}

/// The entry that counts for an address, as a body with its JSON.
pub(crate) fn lookup(
    session: &mut Session,
    acl: AclHandle,
    address: IpAddr,
) -> Result<Option<BodyHandle>> {
    let Some(entry) = session.opened.acls.get(acl)?.lookup(address) else {
        return Ok(None);
    };
    session.items.insert(Body::from(entry.to_json())).map(Some)
}
