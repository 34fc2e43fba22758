//! Has the client's request inspected and answers with the verdict: `corp` and `workspace` come
//! from the query, as does the address in `ip` to be judged by and the size of the buffer.

use fastly::security::{InspectConfig, inspect};
use fastly::{Error, Request, Response};

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let asked = |name: &str| request.get_query_parameter(name).map(str::to_owned);
    let mut config = InspectConfig::from_request(&request);
    if let Some(corp) = asked("corp") {
        config = config.corp(corp);
    }
    if let Some(workspace) = asked("workspace") {
        config = config.workspace(workspace);
    }
    if let Some(ip) = asked("ip") {
        config = config.client_ip(ip.parse()?);
    }
    if let Some(size) = asked("buffer") {
        config = config.buffer_size(size.parse()?);
    }
    let verdict = match inspect(config) {
        Ok(verdict) => verdict,
        Err(error) => return Ok(Response::from_status(400).with_body(format!("{error:?}"))),
    };
    let told = format!(
        "{:?} {} {:?} {:?} {:?}",
        verdict.verdict(),
        verdict.status(),
        verdict.redirect_url(),
        verdict.tags(),
        verdict.decision_ms(),
    );
    if verdict.is_redirect()
        && let Some(redirect) = verdict.into_redirect()
    {
        return Ok(redirect.with_body(told));
    }
    Ok(Response::from_body(told))
}
