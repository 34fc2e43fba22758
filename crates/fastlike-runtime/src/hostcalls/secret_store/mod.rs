//! `fastly_secret_store`: values that are looked up by name and read on
//! purpose only.

mod witx;

use fastlike_abi::types::SecretHandle;

use crate::error::{Error, Result};
use crate::limits;
use crate::secret_store::{Secret, SecretStore, is_name};
use crate::session::Session;

/// The store of this name. SDKs read `none` as "does not exist" and `inval`
/// as "no such name".
pub(crate) fn open(session: &Session, name: &str) -> Result<SecretStore> {
    if !is_name(name) {
        return Err(Error::Invalid("secret store: not a name"));
    }
    let stores = &session.world.secret_stores;
    stores.get(name).ok_or_else(|| {
        stores.warn_unknown(name);
        Error::Absent
    })
}

/// The secret of this name; an absent one is `none`.
pub(crate) fn get(store: &SecretStore, key: &str) -> Result<Secret> {
    if !is_name(key) {
        return Err(Error::Invalid("secret: not a name"));
    }
    store.get(key).ok_or_else(|| {
        tracing::debug!("the guest asked a secret store for {key:?}, which it has not");
        Error::Absent
    })
}

/// A secret of the guest's own bytes.
pub(crate) fn from_bytes(session: &mut Session, bytes: &[u8]) -> Result<SecretHandle> {
    let opened = &mut session.opened;
    let total = opened.secret_bytes.saturating_add(bytes.len());
    if total > limits::SECRET_BYTES {
        return Err(Error::Limit {
            what: "bytes of secrets made",
            max: limits::SECRET_BYTES as u64,
        });
    }
    let secret = Secret::new(bytes).map_err(|_| Error::Invalid("secret: too long"))?;
    let handle = opened.secrets.insert(secret)?;
    opened.secret_bytes = total;
    Ok(handle)
}
