//! Panics, three functions deep. The names of the functions must show in the backtrace.

use fastly::{Error, Request, Response};

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    Ok(outer_function(&request))
}

#[inline(never)]
fn outer_function(request: &Request) -> Response {
    let words = inner_function(request.get_path());
    Response::from_body(words)
}

#[inline(never)]
fn inner_function(path: &str) -> String {
    panic!("the guest was asked to panic at {path}");
}
