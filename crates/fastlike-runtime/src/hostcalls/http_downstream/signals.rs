//! What a guest can ask about its client beyond the request: bots, proxies,
//! attacks. Absent where nothing is configured or told.

use fastlike_abi::types::RequestHandle;

use crate::client::{BotSignals, ClientSignals, VpnProxySignals};
use crate::error::{Error, Result};
use crate::session::Session;

fn signals(session: &Session, request: RequestHandle) -> Result<Option<&ClientSignals>> {
    Ok(session.downstream.metadata(request)?.signals.as_deref())
}

fn bot(session: &Session, request: RequestHandle) -> Result<Option<&BotSignals>> {
    let signals = signals(session, request)?;
    Ok(signals.and_then(|signals| signals.bot.as_ref()))
}

fn vpn_proxy(session: &Session, request: RequestHandle) -> Result<&VpnProxySignals> {
    let signals = signals(session, request)?;
    let known = signals.and_then(|signals| signals.vpn_proxy.as_ref());
    known.ok_or(Error::Absent)
}

/// The region whose rules apply: `none` outside the platform, unless one is
/// configured.
pub(crate) fn compliance_region(session: &Session, request: RequestHandle) -> Result<&str> {
    let signals = signals(session, request)?;
    let region = signals.and_then(|signals| signals.compliance_region.as_deref());
    Ok(region.unwrap_or("none"))
}

/// The fingerprint of the client's original headers: only where one is
/// configured or told.
pub(crate) fn oh_fingerprint(session: &Session, request: RequestHandle) -> Result<&str> {
    let signals = signals(session, request)?;
    let fingerprint = signals.and_then(|signals| signals.oh_fingerprint.as_deref());
    fingerprint.ok_or(Error::Absent)
}

/// Whether the request is part of an attack.
pub(crate) fn ddos_detected(session: &Session, request: RequestHandle) -> Result<bool> {
    let signals = signals(session, request)?;
    let detected = signals.and_then(|signals| signals.ddos_detected);
    detected.ok_or(Error::Absent)
}

/// Whether bot detection looked at the request.
pub(crate) fn bot_analyzed(session: &Session, request: RequestHandle) -> Result<bool> {
    Ok(bot(session, request)?.is_some())
}

/// Whether it found a bot. No is also the answer where it did not look: SDKs
/// survive no other.
pub(crate) fn bot_detected(session: &Session, request: RequestHandle) -> Result<bool> {
    Ok(bot(session, request)?.is_some_and(|bot| bot.detected))
}

/// The bot's name.
pub(crate) fn bot_name(session: &Session, request: RequestHandle) -> Result<&str> {
    let bot = bot(session, request)?;
    bot.and_then(|bot| bot.name.as_deref()).ok_or(Error::Absent)
}

/// The kind of bot, in words.
pub(crate) fn bot_category(session: &Session, request: RequestHandle) -> Result<&str> {
    let bot = bot(session, request)?;
    bot.and_then(|bot| bot.category.as_deref())
        .ok_or(Error::Absent)
}

/// The number of that kind.
pub(crate) fn bot_category_kind(session: &Session, request: RequestHandle) -> Result<u32> {
    let bot = bot(session, request)?;
    bot.and_then(|bot| bot.category_kind).ok_or(Error::Absent)
}

/// Whether the bot is who it says it is.
pub(crate) fn bot_verified(session: &Session, request: RequestHandle) -> Result<bool> {
    let bot = bot(session, request)?;
    bot.and_then(|bot| bot.verified).ok_or(Error::Absent)
}

/// One of the answers about the client's address as that of a proxy.
pub(crate) fn vpn_proxy_flag(
    session: &Session,
    request: RequestHandle,
    flag: fn(&VpnProxySignals) -> bool,
) -> Result<bool> {
    vpn_proxy(session, request).map(flag)
}

/// The name of the VPN service.
pub(crate) fn vpn_service_name(session: &Session, request: RequestHandle) -> Result<&str> {
    let known = vpn_proxy(session, request)?;
    known.service_name.as_deref().ok_or(Error::Absent)
}
