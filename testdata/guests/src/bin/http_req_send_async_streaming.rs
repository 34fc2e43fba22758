//! Streams the body of a request to the backend `origin` while it is being made: three chunks,
//! the client's own body, and a last line. Answers with what the origin says.

use fastly::{Error, Request, Response};
use std::io::Write;

#[fastly::main]
fn main(mut request: Request) -> Result<Response, Error> {
    let (mut body, pending) =
        Request::post("http://origin.example/upload").send_async_streaming("origin")?;
    for number in 1..=3 {
        writeln!(body, "chunk {number}")?;
        // Without the flush, the SDK would gather the chunks into one write.
        body.flush()?;
    }
    body.append(request.take_body());
    writeln!(body, "last")?;
    body.finish()?;
    Ok(pending.wait()?)
}
