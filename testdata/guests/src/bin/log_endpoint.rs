//! Writes to two log endpoints, and makes the panic message of a request to `/panic` a line of
//! the endpoint `panics`.

use fastly::log::{self, Endpoint, LogError};
use fastly::{Error, Request, Response};
use std::io::Write;

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let mut events = Endpoint::from_name("events");
    // One write is one line, and `writeln!` would make a write of each of its pieces.
    let line = format!("{} {}", request.get_method(), request.get_path());
    events.write_all(line.as_bytes())?;
    events.write_all(b"two\nlines")?;
    Endpoint::from_name("other").write_all(b"not UTF-8: \xff\xfe")?;

    // Reserved for the guest's own output streams and for the platform, in any case.
    for reserved in ["stdout", "STDERR", "fst_managed_events"] {
        let refused = Endpoint::try_from_name(reserved);
        assert!(
            matches!(refused, Err(LogError::InvalidEndpoint)),
            "{reserved}"
        );
    }

    log::set_panic_endpoint("panics")?;
    assert_ne!(request.get_path(), "/panic", "asked for a panic");
    Ok(Response::from_body("logged"))
}
