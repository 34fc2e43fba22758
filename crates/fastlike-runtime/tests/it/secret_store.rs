//! Secret stores, and client certificates whose key is a secret.

use std::net::SocketAddr;

use fastlike_runtime::Secret;
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::tls::{Authority, Identity, demanding_acceptor};
use crate::harness::{Answer, Logs, Running, Test, get, request, script};

const HUSH: &str = "hush";

fn keys() -> Test {
    Test::guest("secret_store_lookup").with(|builder| {
        let secrets = [
            ("password", HUSH.as_bytes().to_vec()),
            ("empty", Vec::new()),
            ("binary", vec![0xFF; 64 * 1024]),
        ];
        builder.secret_store("keys", secrets)
    })
}

async fn named(guest: &Running, name: &str) -> String {
    let mut request = get("/");
    let name = name.parse().expect("a value");
    request.headers_mut().insert("x-name", name);
    guest.send(request).await.ok().to_owned()
}

#[tokio::test]
async fn secrets_are_found_by_name_and_what_is_not_there_is_told_apart() {
    let logs = Logs::capture();
    let guest = keys().start().await;
    assert_eq!(named(&guest, "none").await, "");
    assert_eq!(named(&guest, "none").await, "");

    let warnings = logs.with("nowhere");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains(r#"configured: ["keys"]"#),
        "{warnings:?}"
    );
    assert!(
        warnings[0].contains("[local_server.secret_stores]"),
        "{warnings:?}"
    );
    assert_eq!(logs.with(HUSH), Vec::<String>::new());
}

#[tokio::test]
async fn a_changed_store_is_seen_by_the_next_request() {
    let guest = keys().start().await;
    let store = guest
        .fastlike
        .secret_stores()
        .get("keys")
        .expect("configured");
    let secret = |value: &str| Secret::new(value).expect("short");
    assert_eq!(store.insert("new", secret("one")), Ok(false));
    assert_eq!(named(&guest, "new").await, "one");
    assert_eq!(store.insert("new", secret("two")), Ok(true));
    assert_eq!(named(&guest, "new").await, "two");
    assert!(store.remove("new"));
    assert_eq!(named(&guest, "new").await, "");
}

#[tokio::test]
async fn what_cannot_be_a_secret_store_is_said_at_the_start() {
    for (store, name, value, expected) in [
        (
            "a b",
            "key",
            vec![],
            "secret store \"a b\": the name of a secret store has 1 to 255",
        ),
        (
            "keys",
            "a/b",
            vec![],
            "secret store \"keys\": the name of a secret has 1 to 255",
        ),
        (
            "keys",
            "key",
            vec![0; 65_537],
            "secret store \"keys\": a secret has at most 65536",
        ),
    ] {
        let test = keys().with(|builder| builder.secret_store(store, [(name, value)]));
        let error = test.build().await.expect_err(expected).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn handles_of_stores_and_secrets_are_checked() {
    let guest = script(
        "secret_store.open 'keys' 8
        2: secret_store.open '' 12
        2: secret_store.open 'a b' 12
        10: secret_store.open 'other' 12
        secret_store.get *8 'password' 12
        10: secret_store.get *8 'other' 16
        2: secret_store.get *8 '' 16
        3: secret_store.get 7 'password' 16
        3: secret_store.plaintext 7 64 10 20
        4: secret_store.plaintext *12 64 3 20
        @20 == 4
        secret_store.plaintext *12 64 4 20
        @64 == 'hush'
        secret_store.plaintext *12 96 100 20    ; any number of times
        @96 == 'hush'
        secret_store.from_bytes 64 4 16
        secret_store.plaintext *16 128 100 20
        @128 == 'hush'",
    );
    let test = Test::wat(guest).with(|builder| builder.secret_store("keys", [("password", HUSH)]));
    assert_eq!(test.get("/").await.ok(), "");
}

/// An origin that says hello to clients with a certificate that it trusts.
async fn demanding_origin() -> (SocketAddr, String, Identity) {
    let (acceptor, authority, client) = demanding_acceptor("origin.example");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let answer =
                    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
                drop(stream.read(&mut [0; 4096]).await);
                drop(stream.write_all(answer).await);
            }
        }
    });
    (address, authority, client)
}

struct Mutual {
    guest: Running,
    target: SocketAddr,
    authority: String,
}

impl Mutual {
    /// Sends with this chain, and a key from the store (a name) or made by
    /// the guest (PEM).
    async fn ask(&self, chain: &str, key: Result<&str, &str>) -> Answer {
        let mut request: Request<_> =
            request("POST", "/", key.err().unwrap_or_default().to_owned());
        let headers = request.headers_mut();
        let mut set = |name: &'static str, value: &str| {
            headers.insert(name, value.replace('\n', "|").parse().expect("a value"));
        };
        set("x-target", &self.target.to_string());
        set("x-ca", &self.authority);
        set("x-chain", chain);
        if let Ok(name) = key {
            set("x-key", name);
        }
        self.guest.send(request).await
    }
}

#[tokio::test]
async fn a_dynamic_backend_shows_a_client_certificate_whose_key_is_a_secret() {
    let (target, authority, client) = demanding_origin().await;
    let stranger = Authority::new("nobody's").signs(|_| {});
    let keys = [
        ("client", client.key.clone()),
        ("other", stranger.key.clone()),
    ];
    let guest = Test::guest("secret_store_client_certificate")
        .with(|builder| builder.secret_store("keys", keys));
    let guest = guest.start().await;
    let mutual = Mutual {
        guest,
        target,
        authority,
    };
    let certificate = &client.certificate;
    assert_eq!(mutual.ask(certificate, Ok("client")).await.ok(), "hello");
    assert_eq!(
        mutual.ask(certificate, Err(&client.key)).await.ok(),
        "hello"
    );

    // The key of another certificate, and none at all.
    for key in [Ok("other"), Err("no key")] {
        let refused = mutual.ask(certificate, key).await;
        assert_eq!(refused.status, StatusCode::NOT_IMPLEMENTED, "{key:?}");
        assert_eq!(refused.text(), "HostError(FastlyStatus::INVAL)", "{key:?}");
    }
    // A certificate that the origin does not trust.
    let refused = mutual.ask(&stranger.certificate, Ok("other")).await;
    assert_eq!(refused.status, StatusCode::BAD_GATEWAY);
    assert!(refused.text().contains("Tls"), "{}", refused.text());
}
