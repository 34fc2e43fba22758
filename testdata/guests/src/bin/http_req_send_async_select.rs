//! Asks the backends `one`, `two` and `three` at once and answers with their bodies in the order
//! in which they arrived, one a line.

use fastly::http::request::select;
use fastly::{Error, Request, Response};

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let mut pending = Vec::new();
    for backend in ["one", "two", "three"] {
        let question = Request::get(format!("http://{backend}.example{}", request.get_path()));
        pending.push(question.send_async(backend)?);
    }

    let mut lines = String::new();
    while !pending.is_empty() {
        let (answer, rest) = select(pending);
        let mut answer = answer?;
        let backend = answer.get_backend_name().unwrap_or("no name").to_string();
        lines.push_str(&format!("{backend}: {}\n", answer.take_body_str()));
        pending = rest;
    }
    Ok(Response::from_body(lines))
}
