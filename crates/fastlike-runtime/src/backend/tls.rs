//! TLS to origins: who is trusted, what is verified, which fault is which.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tokio_rustls::TlsConnector;

use super::ciphers::Ciphers;
use super::origin::OriginError;
use super::verify::{Accepted, Verifier};
use super::{SendError, TlsVersion};

/// What an origin's TLS connections look like.
#[derive(Debug, Clone)]
pub(super) struct TlsSettings {
    /// The name the certificate must bear, if not the host's.
    pub(super) cert_host: Option<ServerName<'static>>,
    pub(super) sni: Sni,
    /// Trusted instead of the system's roots.
    pub(super) roots: Option<Arc<RootCertStore>>,
    pub(super) identity: Option<Arc<CertifiedKey>>,
    pub(super) check_cert: bool,
    /// The certificate may bear any name, if its authority is trusted.
    pub(super) any_name: bool,
    /// Instead of all suites that there are; and the list that says so.
    pub(super) ciphers: Option<(Ciphers, String)>,
}

/// What the handshake proposes to speak (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocols {
    /// HTTP/2, else HTTP/1.1.
    Both,
    OnlyHttp1,
    OnlyHttp2,
}

impl Protocols {
    fn alpn(self) -> Vec<Vec<u8>> {
        let names: &[&[u8]] = match self {
            Self::Both => &[b"h2", b"http/1.1"],
            Self::OnlyHttp1 => &[b"http/1.1"],
            Self::OnlyHttp2 => &[b"h2"],
        };
        names.iter().map(|name| name.to_vec()).collect()
    }
}

/// The name that the handshake tells the origin in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sni {
    /// The name that the certificate must bear.
    CertHost,
    Name(ServerName<'static>),
    Off,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            cert_host: None,
            sni: Sni::CertHost,
            roots: None,
            identity: None,
            check_cert: true,
            any_name: false,
            ciphers: None,
        }
    }
}

/// Ready for handshakes; one for each origin, so that sessions are resumed.
pub(super) struct Tls {
    pub(super) connector: TlsConnector,
    /// Proposes nothing but HTTP/1.1, for connections that are to be upgraded.
    pub(super) http1: TlsConnector,
    pub(super) name: ServerName<'static>,
}

impl TlsSettings {
    /// Reads the system's roots the first time: do not call it where
    /// waiting for files is a problem.
    pub(super) fn build(
        &self,
        host: &str,
        min: Option<TlsVersion>,
        max: Option<TlsVersion>,
        protocols: Protocols,
    ) -> Result<Tls, SendError> {
        let wrong = |error: rustls::Error| SendError::TlsConfiguration(error.to_string());
        let cert_host = match &self.cert_host {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned()).map_err(|_| {
                SendError::TlsConfiguration(format!(
                    "{host:?} is no name that a certificate can bear"
                ))
            })?,
        };
        let name = match &self.sni {
            Sni::Name(name) => name.clone(),
            Sni::CertHost | Sni::Off => cert_host.clone(),
        };

        let mut provider = aws_lc_rs::default_provider();
        if let Some((ciphers, _)) = &self.ciphers {
            provider.cipher_suites = ciphers.of(&provider.cipher_suites);
        }
        let provider = Arc::new(provider);
        let verifier = self.verifier(&provider, cert_host, &name)?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions(min, max))
            .map_err(wrong)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.identity {
            Some(identity) => {
                let one = SingleCertAndKey::from(Arc::clone(identity));
                config.with_client_cert_resolver(Arc::new(one))
            }
            None => config.with_no_client_auth(),
        };
        config.enable_sni = self.sni != Sni::Off;
        let mut http1 = config.clone();
        http1.alpn_protocols = Protocols::OnlyHttp1.alpn();
        config.alpn_protocols = protocols.alpn();
        Ok(Tls {
            connector: TlsConnector::from(Arc::new(config)),
            http1: TlsConnector::from(Arc::new(http1)),
            name,
        })
    }

    /// The versions that rustls has within the range that was asked for. It
    /// has no 1.0 and 1.1, so those only widen the range.
    pub(super) fn versions(
        &self,
        min: Option<TlsVersion>,
        max: Option<TlsVersion>,
    ) -> Vec<&'static SupportedProtocolVersion> {
        let ciphers = self.ciphers.as_ref();
        let no_tls12 = ciphers.is_some_and(|(ciphers, _)| ciphers.is_empty());
        let known = [
            (TlsVersion::Tls1_2, &version::TLS12),
            (TlsVersion::Tls1_3, &version::TLS13),
        ];
        known
            .into_iter()
            .filter(|(version, _)| min.is_none_or(|min| *version >= min))
            .filter(|(version, _)| max.is_none_or(|max| *version <= max))
            .filter(|(version, _)| !(no_tls12 && *version == TlsVersion::Tls1_2))
            .map(|(_, supported)| supported)
            .collect()
    }

    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
        cert_host: ServerName<'static>,
        sni: &ServerName<'static>,
    ) -> Result<Arc<dyn ServerCertVerifier>, SendError> {
        let accepting = |accepted| {
            let algorithms = provider.signature_verification_algorithms;
            Arc::new(Verifier {
                accepted,
                algorithms,
            })
        };
        if !self.check_cert {
            return Ok(accepting(Accepted::Anything));
        }
        let roots = match &self.roots {
            Some(roots) => Arc::clone(roots),
            None => system_roots(),
        };
        if roots.is_empty() {
            return Err(SendError::TlsConfiguration(
                "the system has no root certificates: install them (package \
                 ca-certificates), or name a file in SSL_CERT_FILE"
                    .to_owned(),
            ));
        }
        if self.any_name {
            return Ok(accepting(Accepted::AnyName(roots)));
        }
        let webpki = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
            .build()
            .map_err(|error| SendError::TlsConfiguration(error.to_string()))?;
        if cert_host == *sni {
            Ok(webpki)
        } else {
            Ok(accepting(Accepted::Name(webpki, cert_host)))
        }
    }
}

fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let load = || {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!("the system's root certificates: {error}");
        }
        let mut roots = RootCertStore::empty();
        let (kept, ignored) = roots.add_parsable_certificates(found.certs);
        tracing::debug!(kept, ignored, "loaded the system's root certificates");
        Arc::new(roots)
    };
    Arc::clone(ROOTS.get_or_init(load))
}

/// Adds the certificates of a PEM text to `roots`.
pub(super) fn add_roots(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), OriginError> {
    let wrong = |why: String| OriginError::CaCertificate(why);
    for certificate in certificates(pem).map_err(wrong)? {
        roots
            .add(certificate)
            .map_err(|error| wrong(unusable(&error)))?;
    }
    Ok(())
}

/// Reads a certificate chain and its private key from PEM texts.
pub(super) fn identity(chain: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>, OriginError> {
    let wrong = |why: &str| OriginError::ClientKey(why.to_owned());
    let chain = certificates(chain).map_err(OriginError::ClientCertificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
        let why = no_pem(&error, "private key");
        OriginError::ClientKey(why)
    })?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
        .map(Arc::new)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => wrong("it is not that of the certificate"),
            rustls::Error::General(_) => wrong("it is no RSA, ECDSA or Ed25519 key"),
            other => OriginError::ClientCertificate(unusable(&other)),
        })
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err("there is no certificate in the PEM text".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(no_pem(&error, "certificate")),
    }
}

/// Why there is nothing to read in a PEM text.
fn no_pem(error: &pem::Error, what: &str) -> String {
    match error {
        pem::Error::NoItemsFound => format!("there is no {what} in the PEM text"),
        pem::Error::MissingSectionEnd { .. } => "the line `-----END …-----` is missing".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "the line `-----BEGIN …` is broken".to_owned(),
        pem::Error::Base64Decode(_) => "what is between BEGIN and END is not base64".to_owned(),
        other => other.to_string(),
    }
}

/// Why what a PEM text holds is no certificate.
fn unusable(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::BadEncoding) => {
            "what is between BEGIN and END is not a certificate".to_owned()
        }
        other => other.to_string(),
    }
}

/// The TLS fault that an I/O error of a TLS stream stands for.
pub(super) fn fault(error: &io::Error) -> Option<SendError> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match error {
        rustls::Error::InvalidCertificate(error) => SendError::TlsCertificate(error.to_string()),
        rustls::Error::NoCertificatesPresented => SendError::TlsCertificate(error.to_string()),
        rustls::Error::AlertReceived(alert) => SendError::TlsAlert {
            id: u8::from(*alert),
            name: format!("{alert:?}"),
        },
        other => SendError::TlsProtocol(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_versions_is_clamped_to_what_there_is() {
        use TlsVersion::*;
        let settings = TlsSettings::default();
        let count = |min, max| settings.versions(min, max).len();
        assert_eq!(count(None, None), 2);
        assert_eq!(count(Some(Tls1_0), Some(Tls1_3)), 2);
        assert_eq!(count(Some(Tls1_3), None), 1);
        assert_eq!(count(None, Some(Tls1_2)), 1);
        assert_eq!(count(None, Some(Tls1_1)), 0);
        assert_eq!(count(Some(Tls1_3), Some(Tls1_2)), 0);
    }

    #[test]
    fn without_a_suite_for_it_there_is_no_tls_1_2() {
        let settings = TlsSettings {
            ciphers: Some((Ciphers::parse("AES128-SHA"), String::new())),
            ..TlsSettings::default()
        };
        assert_eq!(settings.versions(None, None), [&version::TLS13]);
        assert!(settings.versions(None, Some(TlsVersion::Tls1_2)).is_empty());
    }
}
