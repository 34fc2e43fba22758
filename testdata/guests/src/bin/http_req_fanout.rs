//! A program with Fanout, and its own origin behind the proxy, as Fastly's starter kits are: what
//! comes from a client is handed off to the backend `self`, what comes from the proxy (with
//! `grip-sig`) is answered with the instructions to hold the connection.

use fastly::http::StatusCode;
use fastly::{Error, Request, Response};

fn main() -> Result<(), Error> {
    let request = Request::from_client();
    if request.contains_header("grip-sig") {
        origin(request).send_to_client();
        return Ok(());
    }
    if request.get_path() == "/direct" {
        Response::from_body("not handed off").send_to_client();
        return Ok(());
    }
    if request.get_query_str() == Some("handle") {
        let (mut handle, _) = request.into_handles();
        if let Err(error) = handle.handoff_fanout("self") {
            Response::from_status(StatusCode::NOT_IMPLEMENTED)
                .with_body(format!("{error:?}"))
                .send_to_client();
        }
        return Ok(());
    }
    Ok(request.handoff_fanout("self")?)
}

/// What the proxy is told.
fn origin(mut request: Request) -> Response {
    let kind = request.get_header_str("content-type").unwrap_or_default();
    if kind == "application/websocket-events" {
        return events(&request.take_body_bytes());
    }
    Response::from_body("the stream begins\n")
        .with_header("content-type", "text/plain")
        .with_header("grip-hold", "stream")
        .with_header("grip-channel", "test")
}

/// WebSocket over HTTP: the connection's events in, events out.
fn events(events: &[u8]) -> Response {
    const SUBSCRIBE: &str = r#"c:{"type": "subscribe", "channel": "test"}"#;
    let mut answer = Vec::new();
    if events.starts_with(b"OPEN\r\n") {
        let subscribe = format!("TEXT {:x}\r\n{SUBSCRIBE}\r\n", SUBSCRIBE.len());
        answer.extend_from_slice(b"OPEN\r\n");
        answer.extend_from_slice(subscribe.as_bytes());
    } else if events.starts_with(b"CLOSE") {
        answer.extend_from_slice(events);
    } else {
        // A message comes back as it came.
        answer.extend_from_slice(events);
    }
    Response::from_body(answer)
        .with_header("content-type", "application/websocket-events")
        .with_header("sec-websocket-extensions", "grip; message-prefix=\"\"")
}
