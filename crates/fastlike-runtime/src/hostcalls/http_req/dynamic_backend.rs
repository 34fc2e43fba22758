//! Backends that a guest makes while it runs.

use std::sync::Arc;

use fastlike_abi::types::SecretHandle;

use crate::backend::{DynamicSettings, Unmade};
use crate::error::{Error, Result};
use crate::limits;
use crate::secret_store::Secret;
use crate::session::Session;

/// A backend as a guest describes it.
pub(crate) struct NewBackend {
    pub(crate) settings: DynamicSettings,
    /// The chain, as PEM, and where its key is.
    pub(crate) client_certificate: Option<(String, SecretHandle)>,
}

/// Makes a backend that this run has under `name`. The same once more is
/// fine; another of the same name is not.
pub(crate) fn register(session: &mut Session, name: String, new: NewBackend) -> Result<()> {
    if name.is_empty() || name.len() > limits::BACKEND_NAME {
        return Err(Error::Invalid("backend: a name has 1 to 255 bytes"));
    }
    let mut settings = new.settings;
    if let Some((chain, key)) = new.client_certificate {
        settings.client_certificate = Some((chain, secret(session, key)?));
    }
    let target = settings.target.clone();
    let backends = &session.world.backends;
    let origin = backends.dynamic(settings).map_err(|unmade| match unmade {
        Unmade::NotAllowed => Error::Unsupported("dynamic backends"),
        Unmade::TooMany => too_many(),
        Unmade::Wrong(error) => {
            tracing::warn!("the dynamic backend {name:?} to {target:?}: {error}");
            Error::Invalid("backend: its settings cannot work")
        }
    })?;
    if let Some(before) = session.dynamic_backends.get(&name) {
        return if Arc::ptr_eq(before, &origin) {
            Ok(())
        } else {
            Err(Error::Unspecified("backend: the name is in use"))
        };
    }
    if backends.has(&name) || session.shield_backends.contains_key(&name) {
        return Err(Error::Unspecified("backend: the name is in use"));
    }
    if session.dynamic_backends.len() >= limits::DYNAMIC_BACKENDS {
        return Err(too_many());
    }
    session.dynamic_backends.insert(name, origin);
    Ok(())
}

fn too_many() -> Error {
    Error::Limit {
        what: "dynamic backends in use",
        max: limits::DYNAMIC_BACKENDS as u64,
    }
}

/// A secret, of a store or of the guest's own bytes.
fn secret(session: &Session, handle: SecretHandle) -> Result<Secret> {
    session.opened.secrets.get(handle).cloned()
}
