//! Answers with the body of the request, read chunk by chunk through guest memory.

use fastly::{Error, Request};
use std::io::{Read, Write};

fn main() -> Result<(), Error> {
    let mut request = Request::from_client();
    let mut answer = fastly::Response::new();
    if let Some(content_type) = request.remove_header("content-type") {
        answer.set_header("content-type", content_type);
    }
    let mut client = answer.stream_to_client();

    let body = request.get_body_mut();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let length = body.read(&mut chunk)?;
        if length == 0 {
            break;
        }
        client.write_all(&chunk[..length])?;
    }
    client.finish()?;
    Ok(())
}
