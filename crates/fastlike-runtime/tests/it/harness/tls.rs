//! Certificates made for a test, and a client of TLS.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Server, soon};

/// Signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
    der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate of this authority.
    pub(crate) fn signs(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(["a.example".to_owned()]).expect("a name");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("signed");
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
            key_der: key.serialize_der(),
        }
    }
}

/// A certificate for a server, which its clients do not look at.
pub(crate) fn identity() -> Identity {
    Authority::new("nobody's").signs(|_| {})
}

/// What an origin of this name accepts connections with, and the PEM of its
/// authority.
pub(crate) fn origin_acceptor(name: &str) -> (TlsAcceptor, String) {
    let authority = Authority::new("an origin's");
    let names = CertificateParams::new([name.to_owned()]).expect("a name");
    let identity = authority.signs(|params| *params = names);
    let key = PrivateKeyDer::try_from(identity.key_der).expect("a key");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![identity.der], key)
        .expect("a certificate and its key");
    (TlsAcceptor::from(Arc::new(config)), authority.pem())
}

/// As [`origin_acceptor`], of an origin that demands a certificate of its
/// clients, and one that will do.
pub(crate) fn demanding_acceptor(name: &str) -> (TlsAcceptor, String, Identity) {
    let authority = Authority::new("an origin's");
    let names = CertificateParams::new([name.to_owned()]).expect("a name");
    let identity = authority.signs(|params| *params = names);
    let key = PrivateKeyDer::try_from(identity.key_der).expect("a key");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let clients = Authority::new("its clients'");
    let mut roots = RootCertStore::empty();
    roots.add(clients.0.der().clone()).expect("an authority");
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(vec![identity.der], key)
        .expect("a certificate and its key");
    let client = clients.signs(|_| {});
    (TlsAcceptor::from(Arc::new(config)), authority.pem(), client)
}

/// A client that takes any certificate.
#[derive(Default)]
pub(crate) struct Client<'a> {
    pub(crate) alpn: &'a [&'a [u8]],
    pub(crate) versions: Option<&'a [&'static SupportedProtocolVersion]>,
    pub(crate) identity: Option<&'a Identity>,
}

impl Client<'_> {
    pub(crate) async fn connect(&self, server: &Server) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(server.address).await.expect("listening");
        self.over(stream).await.expect("a handshake")
    }

    pub(crate) async fn over(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let versions = self.versions.unwrap_or(rustls::DEFAULT_VERSIONS);
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Any(provider)));
        let mut config = match self.identity {
            None => config.with_no_client_auth(),
            Some(identity) => {
                let key = PrivateKeyDer::try_from(identity.key_der.clone()).expect("a key");
                config
                    .with_client_auth_cert(vec![identity.der.clone()], key)
                    .expect("an identity")
            }
        };
        config.alpn_protocols = self.alpn.iter().map(|name| name.to_vec()).collect();
        let name = ServerName::try_from("a.example").expect("a name");
        let shaking = TlsConnector::from(Arc::new(config)).connect(name, stream);
        soon("a handshake", shaking).await
    }
}

#[derive(Debug)]
struct Any(Arc<CryptoProvider>);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
