//! Sends to a backend that does not exist: the SDK must say so, for a send that waits and for one
//! that doesn't.

use fastly::backend::Backend;
use fastly::http::request::SendErrorCause;
use fastly::{Error, Request, Response};

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    assert!(!Backend::from_name("nowhere")?.exists());

    let error = Request::get("http://nowhere.example/")
        .send("nowhere")
        .expect_err("no such backend");
    assert_eq!(error.backend_name(), "nowhere");
    assert!(
        matches!(error.root_cause(), SendErrorCause::DestinationNotFound),
        "send: {:?}",
        error.root_cause()
    );

    let error = match Request::get("http://nowhere.example/").send_async("nowhere") {
        Ok(pending) => pending.wait().expect_err("no such backend"),
        Err(error) => error,
    };
    assert!(
        matches!(error.root_cause(), SendErrorCause::DestinationNotFound),
        "send_async: {:?}",
        error.root_cause()
    );
    Ok(Response::from_body("destination not found"))
}
