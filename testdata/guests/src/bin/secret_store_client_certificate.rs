//! Sends a request to the address `x-target` with TLS and a client certificate: its chain is in the
//! header `x-chain`, its key in the secret store `keys` under the name in `x-key`, or in the
//! request's body. The authority is in `x-ca`. In PEM, `|` stands for a line break.

use fastly::backend::Backend;
use fastly::secret_store::Secret;
use fastly::{Error, Request, Response, SecretStore};
use std::time::Duration;

#[fastly::main]
fn main(mut request: Request) -> Result<Response, Error> {
    let body = request.take_body_bytes();
    let header = |name: &str| request.get_header_str(name).map(str::to_owned);
    let pem = |name: &str| header(name).expect("PEM").replace('|', "\n");
    let key = match header("x-key") {
        Some(name) => SecretStore::open("keys")?.get(&name).expect("a key"),
        None => Secret::from_bytes(body).expect("short"),
    };
    let chain = pem("x-chain");
    let backend = Backend::builder("mutual", header("x-target").expect("a target"))
        .connect_timeout(Duration::from_secs(60))
        .enable_ssl()
        .check_certificate("origin.example")
        .sni_hostname("origin.example")
        .ca_certificate(pem("x-ca"))
        .provide_client_certificate(chain, key)
        .finish();
    Ok(match backend {
        Ok(backend) => match Request::get("http://origin.example/").send(backend) {
            Ok(response) => response,
            Err(error) => Response::from_status(502).with_body(format!("{:?}", error.root_cause())),
        },
        Err(refused) => Response::from_status(501).with_body(format!("{refused:?}")),
    })
}
