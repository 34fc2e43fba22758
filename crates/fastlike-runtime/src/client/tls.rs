//! What is known of a client's TLS connection.

use std::sync::OnceLock;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rustls::{CipherSuite, ProtocolVersion};

use super::hello::ClientHello;

/// What is known of a client's TLS connection. Of one that was made elsewhere
/// it can be filled in by hand, as far as it is known.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct TlsFacts {
    /// The protocol's version as OpenSSL names it: `TLSv1.3`.
    pub protocol: Option<String>,
    /// The cipher suite as OpenSSL names it: `ECDHE-RSA-AES128-GCM-SHA256`.
    pub cipher: Option<String>,
    /// The name that the client asked for.
    pub server_name: Option<String>,
    /// The handshake message with which the client began, its header of four
    /// bytes included (RFC 8446 section 4). JA3 and JA4 are made of it.
    pub client_hello: Option<Vec<u8>>,
    /// The client's certificate, in DER.
    pub client_certificate: Option<Vec<u8>>,
    /// What checking that certificate gave.
    pub client_verified: ClientVerified,
    fingerprints: OnceLock<Option<([u8; 16], String)>>,
}

/// What checking a client's certificate gave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientVerified {
    /// It is fine; also where no client is asked for one, as on the platform.
    #[default]
    Ok,
    /// It is damaged, or its signature is.
    BadCertificate,
    /// Its issuer has revoked it.
    Revoked,
    /// It is not valid yet, or no more.
    Expired,
    /// Its issuer is not trusted.
    UnknownCa,
    /// The client has sent none.
    Missing,
    /// It cannot be used for another reason.
    Unknown,
}

impl TlsFacts {
    /// JA3: the 16 bytes of its digest.
    pub(crate) fn ja3(&self) -> Option<[u8; 16]> {
        self.fingerprints().map(|(ja3, _)| *ja3)
    }

    /// JA4.
    pub(crate) fn ja4(&self) -> Option<&str> {
        self.fingerprints().map(|(_, ja4)| ja4.as_str())
    }

    fn fingerprints(&self) -> Option<&([u8; 16], String)> {
        let made = self.fingerprints.get_or_init(|| {
            let hello = ClientHello::parse(self.client_hello.as_deref()?)?;
            Some((hello.ja3(), hello.ja4()))
        });
        made.as_ref()
    }

    /// The client's certificate in the form that SDKs document: PEM.
    pub(crate) fn client_certificate_pem(&self) -> Option<String> {
        self.client_certificate.as_deref().map(pem)
    }
}

/// The name that OpenSSL has for a version.
pub(crate) fn protocol_name(version: ProtocolVersion) -> Option<&'static str> {
    match version {
        ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
        ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
        _ => None,
    }
}

/// The name that OpenSSL has for a cipher suite that rustls speaks.
pub(crate) fn cipher_name(suite: CipherSuite) -> Option<&'static str> {
    Some(match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
            "ECDHE-ECDSA-CHACHA20-POLY1305"
        }
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        _ => return None,
    })
}

/// A certificate as text (RFC 7468).
fn pem(der: &[u8]) -> String {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in der.chunks(48) {
        BASE64_STANDARD.encode_string(line, &mut text);
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use rustls::crypto::aws_lc_rs;

    use super::*;

    #[test]
    fn a_certificate_in_pem_is_the_same_certificate() {
        let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).expect("valid");
        let facts = TlsFacts {
            client_certificate: Some(made.cert.der().to_vec()),
            ..TlsFacts::default()
        };
        let unified = |text: String| text.replace("\r\n", "\n");
        assert_eq!(
            facts.client_certificate_pem().map(unified),
            Some(unified(made.cert.pem()))
        );
    }

    #[test]
    fn every_suite_that_is_spoken_has_its_openssl_name() {
        for suite in aws_lc_rs::ALL_CIPHER_SUITES {
            assert!(cipher_name(suite.suite()).is_some(), "{suite:?}");
        }
    }
}
