//! `fastly_config_store`: configuration by key. Dictionaries are the same
//! stores under their old name.

mod witx;

use std::sync::Arc;

use crate::config_store::ConfigStore;
use crate::error::{Error, Result};
use crate::limits;
use crate::session::Session;

/// The store of this name. SDKs read `badf` as "does not exist", `none` as
/// "empty name" and `unsupported` as "name too long".
pub(crate) fn open(session: &Session, name: &str) -> Result<ConfigStore> {
    if name.is_empty() {
        return Err(Error::Absent);
    }
    if name.len() > limits::STORE_NAME {
        return Err(Error::Unsupported("store name: too long"));
    }
    let stores = &session.world.config_stores;
    let store = stores.get(name).ok_or_else(|| {
        stores.warn_unknown(name);
        Error::BadHandle {
            kind: "config store of this name",
            handle: fastlike_abi::handle::INVALID,
        }
    })?;
    store.refresh();
    Ok(store)
}

/// The key's value; an absent key is `none`.
pub(crate) fn get(store: &ConfigStore, key: &str) -> Result<Arc<str>> {
    if key.is_empty() {
        return Err(Error::Invalid("config store key: empty"));
    }
    if key.chars().count() > limits::CONFIG_KEY {
        return Err(Error::Unsupported("config store key: too long"));
    }
    store.get(key).ok_or_else(|| {
        tracing::debug!("the guest asked a config store for {key:?}, which it has not");
        Error::Absent
    })
}
