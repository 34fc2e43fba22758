//! A listener's certificate, key and client authorities, from files or text.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;

/// What is wrong with a listener's TLS files.
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A certificate cannot be used.
    #[error("{file}: {why}")]
    Certificate {
        /// The file, or what it would be.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// A private key cannot be used.
    #[error("{file}: {why}")]
    Key {
        /// The file, or what it would be.
        file: String,
        /// What is wrong with it.
        why: String,
    },
}

impl TlsError {
    /// What to do about it.
    pub fn mend(&self) -> &'static str {
        match self {
            Self::Read { .. } => "name a file that exists and that this user may read",
            Self::Certificate { .. } => {
                "name a PEM file whose parts begin with `-----BEGIN CERTIFICATE-----`, the server's own first"
            }
            Self::Key { .. } => {
                "name the PEM file with the private key of the certificate, not protected by a passphrase"
            }
        }
    }
}

/// Something in PEM: a file, or its text.
#[derive(Clone)]
pub(super) enum Pem {
    File(PathBuf),
    Text(Vec<u8>),
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.fmt(f),
            // It may be a key.
            Self::Text(_) => f.write_str("text"),
        }
    }
}

impl Pem {
    fn read(&self) -> Result<Vec<u8>, TlsError> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => fs::read(path).map_err(|source| TlsError::Read {
                path: path.clone(),
                source,
            }),
        }
    }

    fn name(&self, what: &str) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Text(_) => what.to_owned(),
        }
    }

    fn stamp(&self) -> Option<Stamp> {
        let Self::File(path) = self else { return None };
        let metadata = fs::metadata(path).ok()?;
        Some(Stamp {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            inode: metadata.ino(),
        })
    }
}

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

/// Where a listener's identity and its clients' authorities are.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) certificate: Pem,
    pub(super) key: Pem,
    pub(super) client_ca: Option<Pem>,
}

impl Source {
    /// The files as they are now.
    pub(super) fn stamps(&self) -> [Option<Stamp>; 3] {
        let client_ca = self.client_ca.as_ref();
        [
            self.certificate.stamp(),
            self.key.stamp(),
            client_ca.and_then(Pem::stamp),
        ]
    }

    /// The certificate chain with its key, which is the certificate's.
    pub(super) fn identity(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let file = self.certificate.name("the certificate");
        let chain = certificates(&self.certificate, &file)?;
        let file = self.key.name("the private key");
        let wrong = |why: &str| TlsError::Key {
            file: file.clone(),
            why: why.to_owned(),
        };
        let key = PrivateKeyDer::from_pem_slice(&self.key.read()?)
            .map_err(|_| wrong("holds no private key in PEM form"))?;
        CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => wrong("is not the key of the certificate"),
            other => wrong(&other.to_string()),
        })
    }

    /// What clients' certificates are checked against, if they are.
    pub(super) fn client_verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
        let Some(authorities) = &self.client_ca else {
            return Ok(None);
        };
        let file = authorities.name("the clients' authority");
        let mut roots = RootCertStore::empty();
        for certificate in certificates(authorities, &file)? {
            roots
                .add(certificate)
                .map_err(|error| TlsError::Certificate {
                    file: file.clone(),
                    why: error.to_string(),
                })?;
        }
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .allow_unauthenticated()
                .build()
                .map_err(|error| TlsError::Certificate {
                    file,
                    why: error.to_string(),
                })?;
        Ok(Some(verifier))
    }
}

fn certificates(pem: &Pem, file: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |why: String| TlsError::Certificate {
        file: file.to_owned(),
        why,
    };
    let text = pem.read()?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.map_err(|error| wrong(format!("is not PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(wrong("holds no certificate in PEM form".to_owned()));
    }
    Ok(certificates)
}

/// What does the cryptography.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
