//! `fastly_purge`: purging by surrogate key.

mod witx;

use crate::error::{Error, Result};
use crate::purge::{PurgeMode, Purged, SurrogateKey};
use crate::session::Session;

/// Purges everything with this key.
pub(crate) fn surrogate_key(session: &Session, key: &str, mode: PurgeMode) -> Result<Purged> {
    let key = SurrogateKey::new(key).ok_or(Error::Invalid(
        "surrogate key: it has 1 to 1024 visible ASCII characters",
    ))?;
    Ok(session.world.purger.purge(key, mode))
}
