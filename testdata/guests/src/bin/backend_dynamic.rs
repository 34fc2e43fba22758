//! Makes a backend of the address in the header `x-target` and forwards the request to it. Where
//! that is not allowed, answers 501 with the SDK's reason.

use fastly::backend::Backend;
use fastly::http::StatusCode;
use fastly::{Error, Request, Response};
use std::time::Duration;

#[fastly::main]
fn main(mut request: Request) -> Result<Response, Error> {
    let target = request
        .remove_header_str("x-target")
        .expect("a header x-target");
    let make = || {
        Backend::builder("made-at-run-time", &target)
            .override_host("dynamic.example")
            .connect_timeout(Duration::from_secs(1))
            .first_byte_timeout(Duration::from_secs(15))
            .between_bytes_timeout(Duration::from_secs(10))
    };
    match make().finish() {
        Ok(backend) => {
            assert!(backend.exists() && backend.is_dynamic());
            // The same once more is the same; another of this name is not.
            make().finish().expect("the same backend");
            let other = make().connect_timeout(Duration::from_secs(2)).finish();
            assert_eq!(format!("{:?}", other.err()), "Some(NameInUse)");
            Ok(request.send(backend)?)
        }
        Err(refused) => Ok(
            Response::from_status(StatusCode::NOT_IMPLEMENTED).with_body(format!("{refused:?}"))
        ),
    }
}
