//! The SDK of 2020, which imports `env::xqd_*`: reads the client's request, sends one of its
//! own to the backend `origin` and answers with what came back, between two lines of its own.

use fastly::{Body, Error, Request, RequestExt, Response, ResponseExt};
use std::io::Read;

#[fastly::main]
fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let (head, mut body) = request.into_parts();
    let mut posted = String::new();
    body.read_to_string(&mut posted)?;

    let mut to_origin = Request::builder()
        .method(head.method.clone())
        .uri(head.uri.clone())
        .header("x-from", "legacy");
    for value in head.headers.get_all("x-many") {
        to_origin = to_origin.header("x-many", value);
    }
    let (answer, origin_body) = to_origin.body(posted)?.send("origin")?.into_parts();

    let mut body = Body::try_from("before\n")?;
    body.append(origin_body)?;
    body.append(Body::try_from("\nafter")?)?;

    let mut to_client = Response::builder()
        .status(answer.status)
        .header("x-legacy-method", head.method.as_str())
        .header("x-legacy-headers", head.headers.len().to_string());
    for (name, value) in &answer.headers {
        // The length of the origin's body is no longer the length of this one.
        if name != "content-length" {
            to_client = to_client.header(name, value);
        }
    }
    Ok(to_client.body(body)?)
}
