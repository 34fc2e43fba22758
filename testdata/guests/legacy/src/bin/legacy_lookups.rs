//! What the SDK of 2020 looks up about a client: its address, its place in the world (asked
//! of a backend called `geolocation`), its browser, and the order of its headers.

use fastly::{Body, Error, Request, Response, ResponseExt, geo};

#[fastly::main]
fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let client = fastly::downstream_client_ip_addr();
    let city = client
        .and_then(geo::geo_lookup)
        .map_or("nowhere".to_string(), |place| place.city().to_string());

    let agent = match request.headers().get("user-agent") {
        Some(value) => value.to_str()?,
        None => "",
    };
    let (family, major, minor, patch) = fastly::uap_parse(agent)?;

    let names: Vec<String> =
        fastly::downstream_original_header_names().collect::<Result<_, _>>()?;
    assert_eq!(
        names.len(),
        fastly::downstream_original_header_count() as usize
    );

    let text = format!(
        "client: {client:?}\ncity: {city}\nbrowser: {family} {major:?} {minor:?} {patch:?}\nheaders: {}\n",
        names.join(", ")
    );
    Ok(Response::builder().body(Body::try_from(text)?)?)
}
