//! Bodies of any size, 64 KiB at a time, as the path says: `/read` counts what the client sends,
//! `/make?size=N` streams N bytes to the client, `/upload?size=N` streams N bytes to the backend
//! `origin`, `/download` counts what the origin answers.

use fastly::{Body, Error, Request, Response};
use std::io::{Read, Write};

fn main() -> Result<(), Error> {
    let mut request = Request::from_client();
    match request.get_path() {
        "/read" => send_count(count(request.get_body_mut())?),
        "/make" => {
            let size = size(&request)?;
            let mut client = Response::new().stream_to_client();
            make(&mut client, size)?;
            client.finish()?;
        }
        "/upload" => {
            let size = size(&request)?;
            let (mut body, pending) =
                Request::post("http://origin.example/upload").send_async_streaming("origin")?;
            make(&mut body, size)?;
            body.finish()?;
            pending.wait()?.send_to_client();
        }
        "/download" => {
            let mut answer = Request::get("http://origin.example/download").send("origin")?;
            send_count(count(answer.get_body_mut())?);
        }
        other => Response::from_status(404)
            .with_body(other.to_string())
            .send_to_client(),
    }
    Ok(())
}

fn size(request: &Request) -> Result<usize, Error> {
    Ok(request
        .get_query_parameter("size")
        .unwrap_or("1048576")
        .parse()?)
}

fn send_count((length, sum): (usize, u32)) {
    Response::from_body(format!("{length} bytes, sum {sum}")).send_to_client();
}

/// How many bytes the body has, and their sum modulo 2^32.
fn count(body: &mut Body) -> Result<(usize, u32), Error> {
    let (mut length, mut sum) = (0, 0_u32);
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match body.read(&mut chunk)? {
            0 => return Ok((length, sum)),
            read => {
                length += read;
                sum = chunk[..read]
                    .iter()
                    .fold(sum, |sum, byte| sum.wrapping_add(u32::from(*byte)));
            }
        }
    }
}

/// Writes `size` bytes: 0, 1, 2 … 255, 0, 1 …
fn make(to: &mut impl Write, size: usize) -> Result<(), Error> {
    let chunk: Vec<u8> = (0..64 * 1024).map(|at| at as u8).collect();
    let mut left = size;
    while left > 0 {
        let now = left.min(chunk.len());
        to.write_all(&chunk[..now])?;
        left -= now;
    }
    Ok(())
}
