//! Puts the body of the backend `origin` between bytes of its own, without reading it; then looks
//! at the first six bytes, which the SDK writes back to the front.

use fastly::{Body, Error, Request, Response};

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    let mut answer = Request::get("http://origin.example/").send("origin")?;

    let mut body = Body::from("before ");
    body.append(answer.take_body());
    body.append(Body::from(" after"));
    assert_eq!(body.get_prefix_mut(6).as_slice(), b"before");

    Ok(Response::from_body(body))
}
