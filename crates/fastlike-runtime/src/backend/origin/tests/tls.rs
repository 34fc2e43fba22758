//! Origins behind TLS: who is trusted, and what happens if not.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::backend::{OriginError, TlsVersion};

/// An authority that issues certificates.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, PEM and DER.
pub(super) struct Identity {
    chain: String,
    key: String,
    pub(super) der: (CertificateDer<'static>, PrivateKeyDer<'static>),
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Two authorities of the same name would be taken for one another.
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("authority {}", NUMBER.fetch_add(1, Ordering::SeqCst));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(super) fn issue(&self, name: &str) -> Identity {
        self.issue_with(name, |_| {})
    }

    fn issue_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity {
            chain: certificate.pem(),
            key: key.serialize_pem(),
            der: (
                certificate.der().clone(),
                PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
            ),
        }
    }
}

/// A TLS server that answers "<SNI> <protocol> <ALPN>", and its handshakes.
struct TlsServer(Scripted);

impl TlsServer {
    async fn start(identity: Identity) -> Self {
        Self::with(identity, None).await
    }

    async fn with(identity: Identity, clients: Option<&Authority>) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.0.der().clone()).expect("a root");
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .expect("a verifier");
                builder.with_client_cert_verifier(verifier)
            }
        };
        let (certificate, key) = identity.der;
        let mut config = builder
            .with_single_cert(vec![certificate], key)
            .expect("a certificate and its key");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = Scripted::start(move |peer, _| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(stream) = acceptor.accept(peer.0.into_inner()).await else {
                    return;
                };
                let connection = stream.get_ref().1;
                let told = format!(
                    "{} {:?} {}",
                    connection.server_name().unwrap_or("-"),
                    connection.protocol_version().expect("connected"),
                    String::from_utf8_lossy(connection.alpn_protocol().unwrap_or(b"-")),
                );
                let response = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{told}",
                    told.len()
                );
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                    if line.ends_with("\r\n\r\n")
                        && stream.write_all(response.as_bytes()).await.is_err()
                    {
                        return;
                    }
                }
            }
        })
        .await;
        Self(server)
    }

    /// An origin named `host`, trusting `authority`.
    fn origin(&self, host: &str, authority: &Authority) -> Origin {
        let address = self.0.address;
        Origin::new(&format!("https://{host}:{}", address.port()))
            .expect("a valid URL")
            .resolve_with(move |_, _| std::future::ready(Ok(vec![address])))
            .ca_certificates(authority.pem())
            .expect("a certificate")
            .connect_timeout(Duration::from_secs(60))
    }
}

fn certificate_fault(error: SendError) -> String {
    match error {
        SendError::TlsCertificate(why) => why,
        other => panic!("not about the certificate: {other:?}"),
    }
}

#[tokio::test]
async fn an_origin_whose_authority_is_trusted_answers_http_1_1_over_tls() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue("origin.example")).await;
    let origin = server.origin("origin.example", &authority);
    for _ in 0..2 {
        let told = fetch(&origin).await;
        assert_eq!(told, "origin.example TLSv1_3 http/1.1");
    }
    assert_eq!(server.0.accepted(), 1, "the connection is kept");
}

#[tokio::test]
async fn an_unknown_authority_is_a_certificate_fault() {
    let server = TlsServer::start(Authority::new().issue("origin.example")).await;
    let origin = server.origin("origin.example", &Authority::new());
    let why = certificate_fault(fault(&origin).await);
    assert!(why.contains("UnknownIssuer"), "{why}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_a_certificate_fault() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue("other.example")).await;
    let origin = server.origin("origin.example", &authority);
    let why = certificate_fault(fault(&origin).await);
    assert!(
        why.contains("origin.example") && why.contains("other.example"),
        "{why}"
    );
}

#[tokio::test]
async fn an_expired_certificate_is_a_certificate_fault() {
    let authority = Authority::new();
    let expired = authority.issue_with("origin.example", |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let server = TlsServer::start(expired).await;
    let why = certificate_fault(fault(&server.origin("origin.example", &authority)).await);
    assert!(why.contains("expired"), "{why}");
}

#[tokio::test]
async fn the_certificate_may_bear_another_name_than_the_one_sent_as_sni() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue("cert.example")).await;
    let origin = |sni: &str, cert: &str| {
        let origin = server.origin("origin.example", &authority);
        let origin = origin.sni_name(sni).expect("a name");
        origin.cert_host(cert).expect("a name")
    };
    let told = fetch(&origin("sni.example", "cert.example")).await;
    assert!(told.starts_with("sni.example "), "{told}");
    let why = certificate_fault(fault(&origin("cert.example", "wrong.example")).await);
    assert!(why.contains("wrong.example"), "{why}");
}

#[tokio::test]
async fn the_certificates_name_is_sent_as_sni_and_sni_can_be_switched_off() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue("cert.example")).await;
    let origin = || {
        let origin = server.origin("origin.example", &authority);
        origin.cert_host("cert.example").expect("a name")
    };
    let told = fetch(&origin()).await;
    assert!(told.starts_with("cert.example "), "{told}");
    let told = fetch(&origin().sni(false)).await;
    assert!(told.starts_with("- "), "{told}");
    let told = fetch(&origin().sni(false).sni(true)).await;
    assert!(told.starts_with("cert.example "), "{told}");
}

#[tokio::test]
async fn a_certificate_can_bear_an_address() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue("127.0.0.1")).await;
    let told = fetch(&server.origin("127.0.0.1", &authority)).await;
    assert!(told.starts_with("- "), "no SNI for an address: {told}");
}

#[tokio::test]
async fn unchecked_any_certificate_will_do() {
    let server = TlsServer::start(Authority::new().issue("other.example")).await;
    let origin = server.origin("origin.example", &Authority::new());
    let told = fetch(&origin.check_cert(false)).await;
    assert!(told.starts_with("origin.example "), "{told}");
}

#[tokio::test]
async fn the_offered_versions_can_be_narrowed() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue("origin.example")).await;
    let origin = server.origin("origin.example", &authority);
    let told = fetch(&origin.tls_max(TlsVersion::Tls1_2).expect("1.2")).await;
    assert_eq!(told, "origin.example TLSv1_2 http/1.1");
    let origin = server.origin("origin.example", &authority);
    let origin = origin.tls_min(TlsVersion::Tls1_0).expect("there is more");
    assert!(matches!(
        origin.tls_max(TlsVersion::Tls1_1),
        Err(OriginError::TlsVersions { .. })
    ));
}

#[test]
fn if_no_version_is_left_it_is_said_what_is_in_the_way() {
    let without_suites = || {
        let origin = Origin::new("https://origin.example").expect("a URL");
        origin.ciphers("AES128-SHA").expect("TLS 1.3 is left")
    };
    let error = without_suites().tls_max(TlsVersion::Tls1_2).err();
    assert_eq!(error, Some(OriginError::Ciphers("AES128-SHA".to_owned())));
    for version in [TlsVersion::Tls1_0, TlsVersion::Tls1_1] {
        let error = without_suites().tls_max(version).err();
        let (min, max) = (None, Some(version));
        assert_eq!(error, Some(OriginError::TlsVersions { min, max }));
    }
}

const URL_OF_CHILD: &str = "FASTLIKE_TEST_URL";

/// What a process with this `SSL_CERT_FILE` says of a server.
async fn child_says(server: &TlsServer, roots: &std::path::Path) -> String {
    let url = format!("https://127.0.0.1:{}", server.0.address.port());
    let mut child = std::process::Command::new(std::env::current_exe().expect("this test"));
    child
        .env("SSL_CERT_FILE", roots)
        .env_remove("SSL_CERT_DIR")
        .env(URL_OF_CHILD, url)
        .args(["--nocapture", "as_a_child_with_other_roots"]);
    let output = tokio::task::spawn_blocking(move || child.output()).await;
    let output = output.expect("task").expect("the child ran");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Does something only as the child of the test below.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "the parent reads it")]
async fn as_a_child_with_other_roots() {
    let Ok(url) = std::env::var(URL_OF_CHILD) else {
        return;
    };
    let origin = Origin::new(&url).expect("a URL");
    let origin = origin.connect_timeout(PATIENCE);
    println!(
        "<{:?}>",
        send(&origin, get("/"))
            .await
            .map(|response| response.status())
    );
}

#[tokio::test]
async fn the_systems_roots_are_those_that_ssl_cert_file_names() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue("127.0.0.1")).await;
    let directory = tempfile::tempdir().expect("a directory");
    let roots = |name: &str, pem: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, pem).expect("written");
        path
    };
    let said = child_says(&server, &roots("good", &authority.pem())).await;
    assert!(said.contains("<Ok(200)>"), "{said}");
    let said = child_says(&server, &roots("other", &Authority::new().pem())).await;
    assert!(said.contains("<Err(TlsCertificate("), "{said}");
    let said = child_says(&server, &roots("none", "")).await;
    assert!(
        said.contains("<Err(TlsConfiguration(") && said.contains("SSL_CERT_FILE"),
        "{said}"
    );
}

fn client(authority: &Authority) -> Identity {
    authority.issue_with("client.example", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    })
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_an_origin_that_asks() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let server = TlsServer::with(authority.issue("origin.example"), Some(&clients)).await;
    let identity = client(&clients);
    let origin = server
        .origin("origin.example", &authority)
        .client_certificate(&identity.chain, &identity.key)
        .expect("a certificate and its key");
    let told = fetch(&origin).await;
    assert!(told.starts_with("origin.example "), "{told}");
}

#[tokio::test]
async fn an_origin_that_wants_a_client_certificate_sends_an_alert() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let server = TlsServer::with(authority.issue("origin.example"), Some(&clients)).await;
    for version in [TlsVersion::Tls1_2, TlsVersion::Tls1_3] {
        let origin = server.origin("origin.example", &authority);
        let origin = origin.tls_max(version).expect("a version");
        let error = fault(&origin).await;
        // certificate_required in 1.3, handshake_failure in 1.2.
        let ids: &[u8] = &[116, 40];
        assert!(
            matches!(&error, SendError::TlsAlert { id, .. } if ids.contains(id)),
            "{version:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_a_tls_fault() {
    let authority = Authority::new();
    let server = Scripted::start(|mut peer, _| async move {
        peer.say("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        peer.closed().await;
    })
    .await;
    let server = TlsServer(server);
    let error = fault(&server.origin("origin.example", &authority)).await;
    assert!(matches!(error, SendError::TlsProtocol(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_that_closes_within_the_handshake_is_terminated() {
    let authority = Authority::new();
    let server = TlsServer(Scripted::start(|_, _| async {}).await);
    let error = fault(&server.origin("origin.example", &authority)).await;
    assert_eq!(error, SendError::Terminated);
}

#[tokio::test]
async fn a_handshake_that_stalls_is_a_connect_timeout() {
    let authority = Authority::new();
    let server = Scripted::start(|mut peer, _| async move { peer.closed().await }).await;
    let server = TlsServer(server);
    let timeout = Duration::from_millis(50);
    let origin = server
        .origin("origin.example", &authority)
        .connect_timeout(timeout);
    assert_eq!(fault(&origin).await, SendError::ConnectTimeout(timeout));
}

#[tokio::test]
async fn a_host_that_no_certificate_can_name_is_a_configuration_fault() {
    let server = Scripted::start(|_, _| async {}).await;
    let address = server.address;
    let origin = Origin::new("https://a!b.example")
        .expect("a URL")
        .resolve_with(move |_, _| std::future::ready(Ok(vec![address])));
    let error = fault(&origin).await;
    assert!(matches!(error, SendError::TlsConfiguration(_)), "{error:?}");
}

#[test]
fn what_cannot_be_used_is_refused_at_once() {
    let origin = || Origin::new("https://origin.example").expect("a URL");
    let authority = Authority::new();
    let (one, other) = (client(&authority), client(&authority));
    let refused = |result: Result<Origin, OriginError>| {
        result.map(drop).expect_err("it cannot be used").to_string()
    };
    for (error, text) in [
        (refused(origin().ca_certificates("none")), "no certificate"),
        (
            refused(origin().ca_certificates(&one.key)),
            "no certificate",
        ),
        (
            refused(origin().client_certificate("", &one.key)),
            "no certificate",
        ),
        (
            refused(origin().client_certificate(&one.chain, "")),
            "private key",
        ),
        (
            refused(origin().client_certificate(&one.chain, &other.key)),
            "client certificate",
        ),
        (refused(origin().cert_host("not a name")), "not a name"),
        (refused(origin().sni_name("")), "DNS name"),
        (refused(origin().override_host("")), "HOST"),
        (refused(origin().override_host("a b")), "HOST"),
        (refused(origin().override_host("user@a")), "HOST"),
    ] {
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn the_private_key_is_not_shown() {
    let identity = client(&Authority::new());
    let origin = Origin::new("https://origin.example").expect("a URL");
    let origin = origin.client_certificate(&identity.chain, &identity.key);
    let shown = format!("{:?}", origin.expect("a certificate and its key"));
    assert!(
        shown.contains("origin.example") && !shown.contains("key: "),
        "{shown}"
    );
}
