//! Sends to the backend `origin` and polls until the answer is there.

use fastly::http::request::PollResult;
use fastly::{Error, Request, Response};
use std::time::Duration;

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    let mut pending = Request::get("http://origin.example/").send_async("origin")?;
    let mut polls = 0;
    loop {
        polls += 1;
        match pending.poll() {
            PollResult::Done(answer) => {
                return Ok(answer?.with_header("x-polls", polls.to_string()));
            }
            PollResult::Pending(still) => pending = still,
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
