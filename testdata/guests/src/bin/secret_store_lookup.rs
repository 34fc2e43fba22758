//! Looks up in the secret store `keys`, which must hold `password = "hush"`, `empty = ""` and
//! `binary`, 64 KiB of 0xFF; answers with what is in it under the header `x-name` too.

use fastly::secret_store::{LookupError, OpenError, Secret};
use fastly::{Error, Request, Response, SecretStore};

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let keys = SecretStore::open("keys")?;
    let password = keys.get("password").expect("configured");
    assert_eq!(password.plaintext(), "hush");
    let again = keys.get("password").expect("still there");
    assert_eq!(again.try_plaintext()?, "hush");
    assert_eq!(keys.get("empty").expect("configured").plaintext(), "");
    // Longer than the SDK's first buffer: it asks again with the length that the host told.
    let binary = keys.get("binary").expect("configured").plaintext();
    assert_eq!(binary, vec![0xFF; 64 * 1024]);

    assert!(keys.get("no.such-secret_1").is_none());
    assert!(keys.contains("password")? && !keys.contains("other")?);
    let wrong = keys.try_get("no name").err().expect("a blank in it");
    assert!(
        matches!(wrong, LookupError::InvalidSecretName(_)),
        "{wrong:?}"
    );

    let missing = SecretStore::open("nowhere").err().expect("not configured");
    assert!(
        matches!(missing, OpenError::SecretStoreDoesNotExist(_)),
        "{missing:?}"
    );
    let wrong = SecretStore::open("no name").err().expect("a blank in it");
    assert!(
        matches!(wrong, OpenError::InvalidSecretStoreName(_)),
        "{wrong:?}"
    );

    let own = Secret::from_bytes(b"mine".to_vec()).expect("short");
    assert_eq!(own.plaintext(), "mine");
    assert!(Secret::from_bytes(vec![b'x'; 64 * 1024 + 1]).is_err());

    let named = request
        .get_header_str("x-name")
        .and_then(|name| keys.get(name))
        .map(|secret| secret.plaintext().to_vec());
    Ok(Response::from_body(named.unwrap_or_default()))
}
