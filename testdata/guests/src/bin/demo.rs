//! The guest of the README's first command: `/` is a page made here, `/origin/…` is fetched
//! from the backend `origin` and streamed on.

use fastly::http::{Method, StatusCode};
use fastly::{Error, Request, Response, geo};
use std::fmt::Write;
use std::net::IpAddr;

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    if request.get_path() == "/origin" || request.get_path().starts_with("/origin/") {
        return from_origin(request);
    }
    if !matches!(*request.get_method(), Method::GET | Method::HEAD) {
        return Ok(
            Response::from_status(StatusCode::METHOD_NOT_ALLOWED).with_header("allow", "GET, HEAD")
        );
    }
    match request.get_path() {
        "/" => {
            Ok(Response::from_body(page(&request)?)
                .with_content_type(fastly::mime::TEXT_HTML_UTF_8))
        }
        _ => Ok(Response::from_status(StatusCode::NOT_FOUND)
            .with_body_text_plain("Nothing here. Try / or /origin/\n")),
    }
}

/// Asks the origin for the rest of the path. Neither body passes through guest memory.
fn from_origin(mut request: Request) -> Result<Response, Error> {
    let rest = request.get_path()["/origin".len()..].to_string();
    request.set_path(if rest.is_empty() { "/" } else { &rest });
    let answer = request.send("origin")?;
    Ok(answer.with_header("x-served-by", "fastlike demo guest"))
}

fn page(request: &Request) -> Result<String, std::fmt::Error> {
    let client = request.get_client_ip_addr();
    let mut headers = String::new();
    for (name, value) in request.get_headers() {
        let value = escape(&String::from_utf8_lossy(value.as_bytes()));
        writeln!(headers, "<tr><th>{}<td>{value}", escape(name.as_str()))?;
    }
    Ok(PAGE
        .replace(
            "{client}",
            &client.map_or("unknown".into(), |ip| ip.to_string()),
        )
        .replace("{place}", &escape(&place(client)))
        .replace(
            "{request}",
            &escape(request.get_client_request_id().unwrap_or("none")),
        )
        .replace("{url}", &escape(request.get_url_str()))
        .replace("{headers}", &headers))
}

fn place(client: Option<IpAddr>) -> String {
    match client.and_then(geo::geo_lookup) {
        Some(place) => format!("{}, {}", place.city(), place.country_name()),
        None => "not known".into(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fastlike</title>
<style>
  :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --accent: #d4380d }
  body { font: 16px/1.55 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1.25rem }
  h1 { font-size: 2.1rem; letter-spacing: -.02em; margin: 0 } h1 b { color: var(--accent) }
  h2 { font-size: 1rem; margin: 2.2rem 0 .4rem }
  .box { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem }
  table { width: 100%; border-collapse: collapse; font-size: .9rem }
  th { text-align: left; font-weight: 600; width: 11rem; white-space: nowrap }
  th, td { padding: .4rem .8rem; border-bottom: 1px solid var(--line); vertical-align: top }
  tr:last-child > * { border-bottom: 0 } td { overflow-wrap: anywhere; font-family: ui-monospace, monospace }
  a { color: var(--accent) }
</style>
<h1>fast<b>like</b></h1>
<p>This page was made by a WebAssembly program written for Fastly's Compute platform, with the
official Rust SDK. fastlike runs it on your machine: every request gets a fresh sandbox, and the
hostcalls of the platform are answered by a Rust library that you can embed.</p>
<p><a href="/origin/">/origin/</a> goes through the same program to a backend and is streamed back.</p>
<h2>You</h2>
<div class="box"><table>
<tr><th>Address<td>{client}
<tr><th>Place<td>{place}
<tr><th>Request<td>{request}
<tr><th>URL<td>{url}
</table></div>
<h2>Headers of your request</h2>
<div class="box"><table>
{headers}</table></div>
</html>
"#;
