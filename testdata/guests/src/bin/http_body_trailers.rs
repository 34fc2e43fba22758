//! Streams a response with a trailer at its end.

use fastly::experimental::StreamingBodyExt;
use fastly::{Error, Response};
use std::io::Write;

fn main() -> Result<(), Error> {
    fastly::init();
    let mut client = Response::new()
        .with_header("trailer", "x-sum")
        .stream_to_client();
    client.write_all(b"the body")?;
    client.append_trailer("x-sum", "8");
    client.finish()?;
    Ok(())
}
