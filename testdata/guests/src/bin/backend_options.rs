//! Makes a backend with the options in the query, and says what it is asked about it: for each
//! line of the request's body `ask`, what the getters say; `send PATH`, what comes back; `health`,
//! its health. A CA certificate is in the header `x-ca` with `|` for line breaks. Where the backend
//! cannot be made, answers 501 with the SDK's reason.

use fastly::backend::Backend;
use fastly::experimental::dynamic_backend_healthchecks::HealthcheckBuilder;
use fastly::experimental::{BackendExt, GrpcBackend};
use fastly::http::StatusCode;
use fastly::secret_store::Secret;
use fastly::{Error, Request, Response};
use std::fmt::Debug;
use std::num::NonZeroU32;
use std::time::Duration;

#[fastly::main]
fn main(mut request: Request) -> Result<Response, Error> {
    let backend = match make(&request) {
        Ok(backend) => backend,
        Err(refused) => {
            return Ok(Response::from_status(StatusCode::NOT_IMPLEMENTED).with_body(refused));
        }
    };
    let mut told = String::new();
    for line in request.take_body_str().lines() {
        told += &match line.split_once(' ') {
            Some(("send", path)) => sent(&backend, path),
            _ if line == "health" => format!("health: {:?}\n", backend.is_healthy()?),
            _ => asked(&backend)?,
        };
    }
    Ok(Response::from_body(told))
}

fn make(request: &Request) -> Result<Backend, String> {
    let target = request.get_query_parameter("target").expect("a target");
    let name = request.get_query_parameter("name").unwrap_or("made");
    let mut backend = Backend::builder(name, target);
    for (option, value) in request
        .get_query::<Vec<(String, String)>>()
        .expect("a query")
    {
        let millis = || Duration::from_millis(value.parse().expect("milliseconds"));
        let number = || value.parse::<u32>().expect("a number");
        let some = || NonZeroU32::new(number()).expect("more than 0");
        let yes = value == "1";
        backend = match option.as_str() {
            "host" => backend.override_host(&value),
            "connect" => backend.connect_timeout(millis()),
            "first" => backend.first_byte_timeout(millis()),
            "between" => backend.between_bytes_timeout(millis()),
            "tls" => backend.enable_ssl(),
            "min" => backend.set_min_tls_version(number().try_into().expect("a version")),
            "max" => backend.set_max_tls_version(number().try_into().expect("a version")),
            "cert" => backend.check_certificate(&value),
            "ciphers" => backend.tls_ciphers(&value),
            "sni" => backend.sni_hostname(&value),
            "secret" => {
                let secret = Secret::from_bytes(value.into_bytes());
                match secret {
                    Ok(key) => backend.provide_client_certificate("a chain", key),
                    Err(error) => return Err(format!("no secret: {error:?}")),
                }
            }
            "pool" => backend.enable_pooling(yes),
            "grpc" => backend.for_grpc(yes),
            "keepalive" => backend.http_keepalive_time(millis()),
            "tcp" => backend.tcp_keepalive_enable(yes),
            "tcp_interval" => backend.tcp_keepalive_interval_secs(some()),
            "tcp_probes" => backend.tcp_keepalive_probes(some()),
            "tcp_time" => backend.tcp_keepalive_time_secs(some()),
            "connections" => backend.max_connections(number()),
            "use" => backend.max_use(number()),
            "lifetime" => backend.max_lifetime(millis()),
            "ipv6" => backend.prefer_ipv6(yes),
            "check" => backend.healthcheck(
                HealthcheckBuilder::new("health.example")
                    .path(&value)
                    .window(1)
                    .threshold(1)
                    .initial(0),
            ),
            _ => backend,
        };
    }
    if let Some(pem) = request.get_header_str("x-ca") {
        backend = backend.ca_certificate(pem.replace('|', "\n"));
    }
    backend.finish().map_err(|refused| format!("{refused:?}"))
}

fn sent(backend: &Backend, path: &str) -> String {
    let request = Request::get(format!("http://guest.example{path}"));
    match request.send(backend) {
        Ok(mut response) => format!(
            "{:?} {}: {}\n",
            response.get_version(),
            response.get_status(),
            response.take_body_str()
        ),
        Err(error) => format!("failed: {:?}\n", error.root_cause()),
    }
}

fn asked(backend: &Backend) -> Result<String, Error> {
    let lines = [
        line("exists", backend.exists()),
        line("is_dynamic", backend.is_dynamic()),
        line("host", backend.get_host()),
        line("host_override", backend.get_host_override()),
        line("port", backend.get_port()),
        line("connect_timeout", backend.get_connect_timeout()),
        line("first_byte_timeout", backend.get_first_byte_timeout()),
        line("between_bytes_timeout", backend.get_between_bytes_timeout()),
        line("http_keepalive_time", backend.get_http_keepalive_time()),
        line("tcp_keepalive_enable", backend.get_tcp_keepalive_enable()),
        line(
            "tcp_keepalive_interval",
            backend.get_tcp_keepalive_interval(),
        ),
        line("tcp_keepalive_probes", backend.get_tcp_keepalive_probes()),
        line("tcp_keepalive_time", backend.get_tcp_keepalive_time()),
        line("is_ssl", backend.is_ssl()),
        line("ssl_min_version", backend.get_ssl_min_version()),
        line("ssl_max_version", backend.get_ssl_max_version()),
    ];
    Ok(lines.concat())
}

fn line(name: &str, value: impl Debug) -> String {
    format!("{name}: {value:?}\n")
}
