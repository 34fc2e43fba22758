//! Hands the client's WebSocket off to the backend in `?to=` (`origin`), with a header and a
//! protocol of its own, and goes on. With `?own`, what it hands off is a request that it made
//! itself. What cannot be handed off is answered with 501 and the error.

use fastly::http::StatusCode;
use fastly::log::Endpoint;
use fastly::{Request, Response};
use std::io::Write;

fn main() {
    let request = Request::from_client();
    let backend = request
        .get_query_parameter("to")
        .unwrap_or("origin")
        .to_owned();
    let own = request
        .get_query_str()
        .is_some_and(|query| query.contains("own"));
    let mut request = if own {
        Request::get("http://www.example/of/the/guest?x=y")
    } else {
        request
    };
    request.set_header("x-guest", "was here");
    request.set_header("sec-websocket-protocol", "chat");
    request.set_header("sec-websocket-key", "not the client's");
    let (mut handle, _) = request.into_handles();
    match handle.handoff_websocket(&backend) {
        Ok(()) => {
            let again = handle.handoff_websocket(&backend);
            let line = format!("went on, and again: {again:?}\n");
            Endpoint::from_name("log")
                .write_all(line.as_bytes())
                .expect("a line is logged");
        }
        Err(error) => Response::from_status(StatusCode::NOT_IMPLEMENTED)
            .with_body(format!("{error:?}"))
            .send_to_client(),
    }
}
