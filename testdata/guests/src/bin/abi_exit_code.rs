//! Ends with the exit code in `?code=` (3) without answering; with `?answer=yes`, after it has
//! answered.

use fastly::{Error, Request, Response};

fn main() -> Result<(), Error> {
    let request = Request::from_client();
    let code = request.get_query_parameter("code").unwrap_or("3").parse()?;
    if request.get_query_parameter("answer") == Some("yes") {
        Response::from_body("answered before the end").send_to_client();
    }
    std::process::exit(code);
}
