//! `fastly_shielding`: whether the program runs at a shield, and how it
//! reaches another.

mod witx;

use crate::error::{Error, Result};
use crate::limits;
use crate::session::Session;
use crate::shield::ShieldOptions;

/// What is known of a shield, in the ABI's bytes; an unknown one is `inval`.
pub(crate) fn shield_info(session: &Session, name: &str) -> Result<Vec<u8>> {
    let shields = &session.world.shields;
    shields.info(name).ok_or_else(|| {
        shields.warn_unknown(name);
        Error::Invalid("shield: there is none of this name")
    })
}

/// Makes a backend that leads to a URL of a shield, and gives its name. It is
/// this guest's own; its connections are not.
pub(crate) fn backend_for_shield(
    session: &mut Session,
    url: &str,
    options: ShieldOptions,
) -> Result<String> {
    let number = session.shield_backends.len();
    if number >= limits::SHIELD_BACKENDS {
        return Err(Error::Limit {
            what: "backends that lead to shields",
            max: limits::SHIELD_BACKENDS as u64,
        });
    }
    let made = session.world.shields.backend(url, options, number);
    let (name, backend) = made.ok_or(Error::Invalid("shield: none has this URL"))?;
    session.shield_backends.insert(name.clone(), backend);
    Ok(name)
}
