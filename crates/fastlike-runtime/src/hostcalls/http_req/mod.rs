//! `fastly_http_req`: reading, building and sending requests.

mod dispatch;
mod dynamic_backend;
mod hand_off;
mod inspect;
mod pending;
mod privileged;
mod send;
mod witx;
mod witx_backend;

use fastlike_abi::types::{FramingHeadersMode, HttpVersion, RequestHandle};
use http::{Method, Uri, Version};

use crate::error::{Error, Result};
use crate::http::FramingMode;
use crate::session::{CacheOverride, OutgoingRequest, Session};

/// A new request: GET, no headers, no URI.
pub(crate) fn new(session: &mut Session) -> Result<RequestHandle> {
    session.requests.insert(OutgoingRequest::default())
}

/// Frees the request.
pub(crate) fn close(session: &mut Session, handle: RequestHandle) -> Result<()> {
    session.requests.take(handle).map(drop)
}

/// Sets the method: any token (RFC 9110 section 9.1).
pub(crate) fn method_set(session: &mut Session, handle: RequestHandle, method: &str) -> Result<()> {
    let request = session.requests.get_mut(handle)?;
    request.method = Method::from_bytes(method.as_bytes()).map_err(|_| Error::Invalid("method"))?;
    Ok(())
}

/// Sets the URI.
pub(crate) fn uri_set(session: &mut Session, handle: RequestHandle, uri: &str) -> Result<()> {
    let request = session.requests.get_mut(handle)?;
    request.uri = uri.parse::<Uri>().map_err(|_| Error::Invalid("URI"))?;
    Ok(())
}

/// What a request asks of the cache, as the ABI's tag and values say it. The
/// surrogate keys have no bit: a non-empty list counts. PASS wins over all.
pub(crate) struct CacheOverrideArguments<'a> {
    pub(crate) pass: bool,
    pub(crate) ttl: Option<u32>,
    pub(crate) stale_while_revalidate: Option<u32>,
    pub(crate) pci: bool,
    pub(crate) surrogate_keys: &'a [u8],
    pub(crate) lookup_timeout_ms: Option<u32>,
}

/// Validates and keeps a cache override.
pub(crate) fn cache_override_set(
    session: &mut Session,
    handle: RequestHandle,
    arguments: CacheOverrideArguments<'_>,
) -> Result<()> {
    let request = session.requests.get_mut(handle)?;
    let CacheOverrideArguments {
        pass,
        ttl,
        stale_while_revalidate,
        pci,
        surrogate_keys,
        lookup_timeout_ms,
    } = arguments;
    if pass {
        request.cache_override = CacheOverride::Pass;
        return Ok(());
    }
    // Visible ASCII, separated by spaces (ABI facts, section 10).
    if !surrogate_keys
        .iter()
        .all(|byte| (0x20..0x7f).contains(byte))
    {
        return Err(Error::Invalid("surrogate keys"));
    }
    let keys = String::from_utf8_lossy(surrogate_keys).into_owned();
    let surrogate_keys = (!keys.is_empty()).then_some(keys);
    let nothing = ttl.is_none()
        && stale_while_revalidate.is_none()
        && !pci
        && surrogate_keys.is_none()
        && lookup_timeout_ms.is_none();
    request.cache_override = if nothing {
        CacheOverride::None
    } else {
        CacheOverride::Override {
            ttl,
            stale_while_revalidate,
            pci,
            surrogate_keys,
            lookup_timeout_ms,
        }
    };
    Ok(())
}

/// The ABI's framing mode.
pub(super) fn framing_mode(mode: FramingHeadersMode) -> FramingMode {
    match mode {
        FramingHeadersMode::Automatic => FramingMode::Automatic,
        FramingHeadersMode::ManuallyFromHeaders => FramingMode::Manual,
    }
}

/// The ABI's number of a version.
pub(super) fn version_to(version: Version) -> HttpVersion {
    match version {
        Version::HTTP_09 => HttpVersion::Http09,
        Version::HTTP_10 => HttpVersion::Http10,
        Version::HTTP_2 => HttpVersion::H2,
        Version::HTTP_3 => HttpVersion::H3,
        // `Version` is open; 1.1 is what everything else speaks.
        _ => HttpVersion::Http11,
    }
}

/// The version of the ABI's number.
pub(super) fn version_from(version: HttpVersion) -> Version {
    match version {
        HttpVersion::Http09 => Version::HTTP_09,
        HttpVersion::Http10 => Version::HTTP_10,
        HttpVersion::Http11 => Version::HTTP_11,
        HttpVersion::H2 => Version::HTTP_2,
        HttpVersion::H3 => Version::HTTP_3,
    }
}
