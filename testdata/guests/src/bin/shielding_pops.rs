//! One program for two POPs. Asks for the shield in the header `x-shield`. At the shield, answers
//! for itself; anywhere else, sends the request there: over the encrypted backend, with `?plain`
//! over the other. With `?times`, the backend has timeouts of its own.

use fastly::experimental::BackendExt;
use fastly::shielding::Shield;
use fastly::{Error, Request, Response};
use std::time::Duration;

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let name = request.get_header_str("x-shield").unwrap_or("here");
    let mut shield = match Shield::new(name) {
        Ok(shield) => shield,
        Err(status) => return Ok(Response::from_status(404).with_body(format!("{status:?}"))),
    };
    if shield.running_on() {
        let tls = shield
            .encrypted_backend()
            .map(|backend| backend.name().to_owned());
        let path = request.get_path();
        return Ok(Response::from_body(format!(
            "at the shield: {path}, tls: {tls:?}"
        )));
    }
    let query = request.get_query_str().unwrap_or_default().to_owned();
    if query.contains("times") {
        shield = shield
            .with_first_byte_timeout(Duration::from_millis(61_500))
            .with_between_bytes_timeout(Duration::from_millis(62_500));
    }
    let backend = if query.contains("plain") {
        shield.unencrypted_backend()
    } else {
        shield.encrypted_backend()
    };
    let backend = backend.map_err(|status| Error::msg(format!("{status:?}")))?;
    let told = format!(
        "{} {}:{} tls {} times {:?} {:?} healthy {:?}",
        backend.name(),
        backend.get_host(),
        backend.get_port(),
        backend.is_ssl(),
        backend.get_first_byte_timeout(),
        backend.get_between_bytes_timeout(),
        backend.is_healthy()?,
    );
    let mut response = request.send(backend)?;
    response.set_header("x-backend", told);
    Ok(response)
}
