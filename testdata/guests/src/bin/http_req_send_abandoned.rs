//! Drops a streaming request body without finishing it: the origin must not take it for complete,
//! and the guest gets an error for the answer.

use fastly::{Error, Request, Response};
use std::io::Write;

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    let (mut body, pending) =
        Request::post("http://origin.example/upload").send_async_streaming("origin")?;
    body.write_all(b"the beginning of something")?;
    body.flush()?;
    drop(body);
    match pending.wait() {
        Ok(answer) => Ok(Response::from_body(format!(
            "answered: {}",
            answer.get_status()
        ))),
        Err(error) => Ok(Response::from_body(format!(
            "failed: {:?}",
            error.root_cause()
        ))),
    }
}
