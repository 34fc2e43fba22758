//! Forwards the request to the backend `origin` and its answer to the client, reading neither body.

use fastly::{Error, Request, Response};

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    Ok(request.send("origin")?)
}
