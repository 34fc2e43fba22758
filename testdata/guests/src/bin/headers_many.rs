//! Reads every header of the request and answers with 32 of its own, for the bench.

use fastly::{Error, Request, Response};

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let read: usize = request
        .get_headers()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    let mut answer = Response::from_body(format!("{read} bytes of headers\n"));
    for number in 0..32 {
        answer.set_header(
            format!("x-header-{number}"),
            format!("the value of header number {number}"),
        );
    }
    Ok(answer)
}
