//! Sends to the backend `origin` and answers with the SDK's name for what went wrong, reading the
//! whole body: `failed to send: …`, `failed to read: …` or `read N bytes`.

use fastly::{Error, Request, Response};
use std::io::Read;

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    let text = match Request::get("http://origin.example/").send("origin") {
        Err(error) => format!("failed to send: {:?}", error.root_cause()),
        Ok(mut answer) => {
            let mut body = Vec::new();
            match answer.get_body_mut().read_to_end(&mut body) {
                Ok(_) => format!("read {} bytes", body.len()),
                Err(error) => format!("failed to read: {error} after {} bytes", body.len()),
            }
        }
    };
    Ok(Response::from_body(text))
}
