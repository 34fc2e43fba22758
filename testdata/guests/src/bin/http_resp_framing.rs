//! Sets the framing headers of its answer itself, as the path says: `/length` gives the right
//! `content-length`, `/chunked` asks for chunks, `/none` gives neither, `/wrong` gives a
//! `content-length` that is not a number, which the host must not believe.

use fastly::http::FramingHeadersMode;
use fastly::{Error, Request, Response};

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let answer = Response::from_body("0123456789")
        .with_framing_headers_mode(FramingHeadersMode::ManuallyFromHeaders);
    Ok(match request.get_path() {
        "/length" => answer.with_header("content-length", "10"),
        "/chunked" => answer.with_header("transfer-encoding", "chunked"),
        "/wrong" => answer.with_header("content-length", "ten"),
        _ => answer,
    })
}
