//! Says which products are on, one line each.

use fastly::compute_runtime::products;
use fastly::{Error, Request, Response};

#[fastly::main]
fn main(_request: Request) -> Result<Response, Error> {
    let on = products().expect("an answer to each");
    Ok(Response::from_body(format!(
        "image_optimizer: {}\ndomain_inspector: {}\norigin_inspector: {}\n",
        on.image_optimizer, on.domain_inspector, on.origin_inspector,
    )))
}
