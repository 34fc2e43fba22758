//! What a guest can ask about its client's TLS connection. All of it is
//! absent where the client did not use TLS, or the host does not know.

use fastlike_abi::types::{ClientCertVerifyResult, RequestHandle};

use crate::client::{ClientVerified, TlsFacts};
use crate::error::{Error, Result};
use crate::session::Session;

fn facts(session: &Session, request: RequestHandle) -> Result<&TlsFacts> {
    let metadata = session.downstream.metadata(request)?;
    metadata.tls.as_deref().ok_or(Error::Absent)
}

/// The version, as OpenSSL names it.
pub(crate) fn protocol(session: &Session, request: RequestHandle) -> Result<&str> {
    let facts = facts(session, request)?;
    facts.protocol.as_deref().ok_or(Error::Absent)
}

/// The cipher suite, as OpenSSL names it.
pub(crate) fn cipher(session: &Session, request: RequestHandle) -> Result<&str> {
    let facts = facts(session, request)?;
    facts.cipher.as_deref().ok_or(Error::Absent)
}

/// The name that the client asked for.
pub(crate) fn server_name(session: &Session, request: RequestHandle) -> Result<&str> {
    let facts = facts(session, request)?;
    facts.server_name.as_deref().ok_or(Error::Absent)
}

/// The client's first handshake message.
pub(crate) fn client_hello(session: &Session, request: RequestHandle) -> Result<&[u8]> {
    let facts = facts(session, request)?;
    facts.client_hello.as_deref().ok_or(Error::Absent)
}

/// The JA3 digest.
pub(crate) fn ja3(session: &Session, request: RequestHandle) -> Result<[u8; 16]> {
    facts(session, request)?.ja3().ok_or(Error::Absent)
}

/// The JA4 fingerprint.
pub(crate) fn ja4(session: &Session, request: RequestHandle) -> Result<&str> {
    facts(session, request)?.ja4().ok_or(Error::Absent)
}

/// The client's certificate, in PEM.
pub(crate) fn certificate(session: &Session, request: RequestHandle) -> Result<String> {
    let facts = facts(session, request)?;
    facts.client_certificate_pem().ok_or(Error::Absent)
}

/// What checking that certificate gave.
pub(crate) fn verified(
    session: &Session,
    request: RequestHandle,
) -> Result<ClientCertVerifyResult> {
    Ok(match facts(session, request)?.client_verified {
        ClientVerified::Ok => ClientCertVerifyResult::Ok,
        ClientVerified::BadCertificate => ClientCertVerifyResult::BadCertificate,
        ClientVerified::Revoked => ClientCertVerifyResult::CertificateRevoked,
        ClientVerified::Expired => ClientCertVerifyResult::CertificateExpired,
        ClientVerified::UnknownCa => ClientCertVerifyResult::UnknownCa,
        ClientVerified::Missing => ClientCertVerifyResult::CertificateMissing,
        ClientVerified::Unknown => ClientCertVerifyResult::CertificateUnknown,
    })
}
