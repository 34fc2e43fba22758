//! The smallest answer there is: what the runtime itself costs, for the bench.

use fastly::{Error, Request, Response};

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    Ok(Response::from_body("hello"))
}
