//! Splits the `user-agent` of the request into the browser's family and version.

use fastly::{Error, Request, Response};

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let agent = request.get_header_str("user-agent").unwrap_or_default();
    #[expect(deprecated, reason = "the only function that calls this hostcall")]
    let (family, major, minor, patch) = fastly::experimental::uap_parse(agent)?;
    let version = [major, minor, patch]
        .map(Option::unwrap_or_default)
        .join(".");
    Ok(Response::from_body(format!("{family} {version}")))
}
