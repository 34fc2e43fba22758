//! Sets the framing headers of a request itself: the backend `origin` gets the `content-length`
//! of the guest, and the answer to the client carries the one the guest gave.

use fastly::http::FramingHeadersMode;
use fastly::{Error, Request, Response};

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    let mut answer = Request::post("http://origin.example/")
        .with_framing_headers_mode(FramingHeadersMode::ManuallyFromHeaders)
        .with_header("content-length", "5")
        .with_body("12345")
        .send("origin")?;
    assert_eq!(answer.take_body_str(), "12345");
    Ok(Response::from_body("sent"))
}
