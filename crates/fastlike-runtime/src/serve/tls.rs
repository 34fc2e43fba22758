//! TLS with clients.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::NoClientAuth;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificates::{Pem, Source, Stamp, provider};
use crate::client::{ClientVerified, TlsFacts, cipher_name, client_hello, protocol_name};
use crate::session::detach;
use crate::wire::Socket;

pub use super::certificates::TlsError;

/// How often files are looked at while a listener serves.
const LOOK: Duration = Duration::from_secs(2);

/// What a listener needs to speak TLS: a certificate with its key, and maybe
/// the authorities of its clients. TLS 1.2 and 1.3; cheap to clone.
///
/// Files are loaded again when they change while a listener serves: new
/// connections get the new certificate. Files that cannot be used then leave
/// the old certificate in place, with one warning.
///
/// Clients need no certificate, and one that does not verify ends no
/// handshake: the guest is told the result and decides. But a client must have
/// the key of the certificate it shows.
#[derive(Debug, Clone)]
pub struct TlsListener(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Source,
    loaded: ArcSwap<Loaded>,
    /// The files as they were when last read, well or not.
    seen: Mutex<[Option<Stamp>; 3]>,
}

#[derive(Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
}

impl TlsListener {
    /// A certificate chain and its private key in files of PEM.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, is no PEM, or the key is not the
    /// certificate's.
    pub fn from_files(
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsError> {
        Self::load(Source {
            certificate: Pem::File(certificate.into()),
            key: Pem::File(key.into()),
            client_ca: None,
        })
    }

    /// A certificate chain and its private key in PEM.
    ///
    /// # Errors
    ///
    /// If they are no PEM, or the key is not the certificate's.
    pub fn from_pem(
        certificate: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Result<Self, TlsError> {
        Self::load(Source {
            certificate: Pem::Text(certificate.into()),
            key: Pem::Text(key.into()),
            client_ca: None,
        })
    }

    /// Asks clients for a certificate, which the authorities in this file of
    /// PEM vouch for.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or holds no certificate.
    pub fn with_client_ca_file(&self, authorities: impl Into<PathBuf>) -> Result<Self, TlsError> {
        Self::load(Source {
            client_ca: Some(Pem::File(authorities.into())),
            ..self.0.source.clone()
        })
    }

    /// Asks clients for a certificate, which these authorities in PEM vouch
    /// for.
    ///
    /// # Errors
    ///
    /// If there is no certificate in it.
    pub fn with_client_ca_pem(&self, authorities: impl Into<Vec<u8>>) -> Result<Self, TlsError> {
        Self::load(Source {
            client_ca: Some(Pem::Text(authorities.into())),
            ..self.0.source.clone()
        })
    }

    /// Loads the files again if they have changed. A listener does so by
    /// itself every two seconds. Reads files, so it may block a little.
    pub fn refresh(&self) {
        let stamps = self.0.source.stamps();
        if *self.0.seen.lock() == stamps {
            return;
        }
        let loaded = Loaded::new(&self.0.source);
        // Files that change while they are read are half of two states. The
        // next look sees other stamps and tries again.
        if self.0.source.stamps() != stamps {
            return;
        }
        match loaded {
            Ok(loaded) => {
                self.0.loaded.store(Arc::new(loaded));
                tracing::info!("the certificate for clients was reloaded");
            }
            Err(error) => tracing::warn!(
                "the certificate for clients changed and cannot be used; the old one stays in use: {error}"
            ),
        }
        *self.0.seen.lock() = stamps;
    }

    fn load(source: Source) -> Result<Self, TlsError> {
        // Taken before the files are read: a change in between is noticed.
        let stamps = source.stamps();
        let loaded = Loaded::new(&source)?;
        Ok(Self(Arc::new(Inner {
            source,
            loaded: ArcSwap::from_pointee(loaded),
            seen: Mutex::new(stamps),
        })))
    }

    /// Looks at the files from time to time, until the result is dropped.
    pub(super) fn watch(&self) -> Watching {
        let listener = self.clone();
        let looking = detach(async move {
            loop {
                tokio::time::sleep(LOOK).await;
                let listener = listener.clone();
                drop(tokio::task::spawn_blocking(move || listener.refresh()).await);
            }
        });
        Watching(looking.abort_handle())
    }

    /// Shakes hands.
    pub(super) async fn accept(
        &self,
        mut socket: Socket,
    ) -> io::Result<(TlsStream<Socket>, TlsFacts)> {
        let loaded = self.0.loaded.load_full();
        socket.begin_record();
        let acceptor = TlsAcceptor::from(Arc::clone(&loaded.config));
        let mut stream = acceptor.accept(socket).await?;
        let (socket, tls) = stream.get_mut();
        let mut facts = TlsFacts::default();
        facts.client_hello = client_hello(&socket.take_record());
        facts.protocol = tls
            .protocol_version()
            .and_then(protocol_name)
            .map(str::to_owned);
        facts.cipher = tls
            .negotiated_cipher_suite()
            .and_then(|suite| cipher_name(suite.suite()))
            .map(str::to_owned);
        facts.server_name = tls.server_name().map(str::to_owned);
        let chain = tls.peer_certificates().unwrap_or_default();
        facts.client_certificate = chain.first().map(|certificate| certificate.to_vec());
        facts.client_verified = loaded.verify(chain);
        Ok((stream, facts))
    }
}

impl Loaded {
    fn new(source: &Source) -> Result<Self, TlsError> {
        let provider = provider();
        let identity = source.identity(&provider)?;
        let verifier = source.client_verifier(&provider)?;
        let asked: Arc<dyn ClientCertVerifier> = match &verifier {
            Some(verifier) => Arc::new(Unjudged(Arc::clone(verifier))),
            None => Arc::new(NoClientAuth),
        };
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Certificate {
                file: "TLS".to_owned(),
                why: error.to_string(),
            })?;
        let mut config = config
            .with_client_cert_verifier(asked)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            verifier,
        })
    }

    /// Checks the client's certificate, after the handshake.
    fn verify(&self, chain: &[CertificateDer<'_>]) -> ClientVerified {
        let Some(verifier) = &self.verifier else {
            return ClientVerified::Ok;
        };
        let Some((certificate, others)) = chain.split_first() else {
            return ClientVerified::Missing;
        };
        match verifier.verify_client_cert(certificate, others, UnixTime::now()) {
            Ok(_) => ClientVerified::Ok,
            Err(rustls::Error::InvalidCertificate(error)) => judged(&error),
            Err(_) => ClientVerified::Unknown,
        }
    }
}

fn judged(error: &CertificateError) -> ClientVerified {
    match error {
        CertificateError::BadEncoding | CertificateError::BadSignature => {
            ClientVerified::BadCertificate
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => ClientVerified::Expired,
        CertificateError::Revoked => ClientVerified::Revoked,
        CertificateError::UnknownIssuer => ClientVerified::UnknownCa,
        _ => ClientVerified::Unknown,
    }
}

/// Looks at files until it is dropped.
pub(super) struct Watching(AbortHandle);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Takes any certificate whose key the client has; what it is worth is found
/// out after the handshake, and told to the guest.
#[derive(Debug)]
struct Unjudged(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Unjudged {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
