//! Builds requests and sends them to the backend `origin`, one after the other.
//!
//! The origin must answer `GET /get?q=1` with 200, header `x-origin: yes` twice (`a`, `b`) and the
//! body `got it`, and `POST /post` with 201 and the body it was sent.

use fastly::http::StatusCode;
use fastly::{Error, Request, Response};

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    let mut answer = Request::get("http://origin.example/get?q=1")
        .with_header("x-one", "1")
        .with_header("x-many", "first")
        .with_header("x-many", "second")
        .send("origin")?;
    assert_eq!(answer.get_status(), StatusCode::OK);
    assert_eq!(answer.get_header_all_str("x-origin"), ["a", "b"]);
    assert_eq!(answer.get_backend_name(), Some("origin"));
    assert_eq!(answer.take_body_str(), "got it");

    let mut answer = Request::post("http://origin.example/post")
        .with_body_text_plain("posted by the guest")
        .send("origin")?;
    assert_eq!(answer.get_status(), StatusCode::CREATED);
    assert_eq!(answer.take_body_str(), "posted by the guest");

    Ok(Response::from_body("both were answered"))
}
