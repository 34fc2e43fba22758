//! Asks the backend `origin` twice for a body compressed with gzip: decompressed by the host, and
//! as it is.

use fastly::{Error, Request, Response};

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    let mut plain = Request::get("http://origin.example/")
        .with_auto_decompress_gzip(true)
        .send("origin")?;
    assert_eq!(plain.get_header_str("content-encoding"), None);
    assert_eq!(plain.get_header_str("content-length"), None);
    let text = plain.take_body_str();

    let mut packed = Request::get("http://origin.example/").send("origin")?;
    assert_eq!(packed.get_header_str("content-encoding"), Some("gzip"));
    let bytes = packed.take_body_bytes();
    assert_eq!(bytes[..2], [0x1f, 0x8b]);

    Ok(Response::from_body(text).with_header("x-packed", bytes.len().to_string()))
}
