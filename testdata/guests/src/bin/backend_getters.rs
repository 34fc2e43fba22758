//! Asks all there is to ask about the backend in `?name=` (`origin`). Answers with lines of
//! `name: value`.

use fastly::backend::Backend;
use fastly::experimental::BackendExt;
use fastly::{Error, Request, Response};
use std::fmt::Debug;

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let backend = Backend::from_name(request.get_query_parameter("name").unwrap_or("origin"))?;
    let lines = [
        line("exists", backend.exists()),
        line("healthy", backend.is_healthy()?),
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
    Ok(Response::from_body(lines.concat()))
}

fn line(name: &str, value: impl Debug) -> String {
    format!("{name}: {value:?}\n")
}
