//! Answers one request after another, and says which of its sandbox each is. The path says what
//! else it does:
//!
//! - `/trap`: traps instead of answering, `/trap-after`: after its answer;
//! - `/send`: answers with what the backend `origin` says, `/forward`: forwards it;
//! - `/burn?MS`: computes for so long;
//! - `/after`: answers, and prints what the backend `origin` says;
//! - `/last`: answers, and ends.

use fastly::http::serve::{NextRequestError, NextRequestOptions, RequestPromise};
use fastly::{Request, Response};
use std::time::{Duration, Instant};

fn main() {
    let mut request = Request::from_client();
    let mut earlier: Vec<String> = Vec::new();
    loop {
        let number = earlier.len() + 1;
        earlier.push(request.get_path().to_owned());
        let path = request.get_path().to_owned();
        let duration = Duration::from_millis(
            request
                .get_query_str()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0),
        );
        match path.as_str() {
            "/trap" => panic!("as it was asked to"),
            "/burn" => {
                let start = Instant::now();
                while start.elapsed() < duration {}
            }
            _ => {}
        }
        let origin = || Request::get("http://origin.example/");
        match path.as_str() {
            "/forward" => {
                let pending = origin().send_async("origin").expect("sent");
                pending.send_to_client().expect("forwarded");
            }
            _ => {
                let said = match path.as_str() {
                    "/send" => origin().send("origin").expect("answered").into_body_str(),
                    _ => String::new(),
                };
                let body = request.take_body_str();
                let text = format!(
                    "request: {number}\npath: {path}\nid: {}\nclient: {}\ntrace: {}\nbody: {body}\norigin: {said}\n",
                    request.get_client_request_id().unwrap_or("none"),
                    request
                        .get_client_ip_addr()
                        .map_or_else(|| "none".to_owned(), |address| address.to_string()),
                    std::env::var("FASTLY_TRACE_ID").unwrap_or_default(),
                );
                Response::from_body(text).send_to_client();
            }
        }
        match path.as_str() {
            "/trap-after" => panic!("as it was asked to, after its answer"),
            "/after" => println!(
                "after the answer: {}",
                origin().send("origin").expect("answered").into_body_str()
            ),
            "/last" => return,
            _ => {}
        }
        let promise = RequestPromise::new(&NextRequestOptions::default()).expect("a promise");
        match promise.wait() {
            Ok(next) => request = next,
            Err(NextRequestError::EndOfSession) => {
                println!("no more after {}", earlier.join(" "));
                return;
            }
            Err(other) => panic!("{other}"),
        }
    }
}
