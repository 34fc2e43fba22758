//! Sends two 103 responses, and then what the backend `origin` answers.

use fastly::http::StatusCode;
use fastly::{Error, Request, Response};

fn main() -> Result<(), Error> {
    let request = Request::from_client();
    for asset in ["style.css", "script.js"] {
        Response::from_status(StatusCode::EARLY_HINTS)
            .with_header("link", format!("</{asset}>; rel=preload"))
            .with_header("connection", "x-private")
            .with_header("x-private", "1")
            .with_header("content-length", "9")
            .send_to_client();
    }
    let answer = Request::get("http://origin.example/").send("origin")?;
    answer
        .with_header("x-path", request.get_path())
        .send_to_client();
    Ok(())
}
