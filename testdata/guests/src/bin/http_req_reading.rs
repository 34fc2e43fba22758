//! Answers with all that a guest can read of its client's request, as JSON.

use fastly::{Error, Request, Response};
use std::collections::BTreeMap;

#[fastly::main]
fn main(mut request: Request) -> Result<Response, Error> {
    let names: Vec<String> = request
        .get_header_names()
        .map(|name| name.to_string())
        .collect();
    let headers: BTreeMap<String, Vec<String>> = names
        .into_iter()
        .map(|name| {
            let values = request.get_header_all_str_lossy(&name);
            let values = values.into_iter().map(String::from).collect();
            (name, values)
        })
        .collect();

    let original = request
        .get_original_header_names()?
        .unwrap_or_default()
        .to_vec();
    assert_eq!(
        request.get_original_header_count(),
        Some(original.len() as u32)
    );

    let seen = serde_json::json!({
        "method": request.get_method_str(),
        "url": request.get_url_str(),
        "path": request.get_path(),
        "query": request.get_query_str(),
        "version": format!("{:?}", request.get_version()),
        "headers": headers,
        "original_header_names": original,
        "body": String::from_utf8_lossy(&request.take_body_bytes()),
    });
    Ok(Response::new().with_body_json(&seen)?)
}
