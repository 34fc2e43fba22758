//! Answers with all that is known of the place of an address, as lines: the one in `?ip=`, or the
//! client's.

use fastly::geo::geo_lookup;
use fastly::{Error, Request, Response};
use std::net::IpAddr;

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let address: IpAddr = match request.get_query_parameter("ip") {
        Some(text) => text.parse()?,
        None => request
            .get_client_ip_addr()
            .expect("the client has an address"),
    };
    let Some(geo) = geo_lookup(address) else {
        return Ok(Response::from_body("nothing is known\n"));
    };
    Ok(Response::from_body(format!(
        "as_name: {}\nas_number: {}\narea_code: {}\ncity: {}\nconn_speed: {:?}\nconn_type: {:?}\n\
         continent: {}\ncountry_code: {}\ncountry_code3: {}\ncountry_name: {}\nlatitude: {}\n\
         longitude: {}\nmetro_code: {}\npostal_code: {}\nproxy_description: {:?}\n\
         proxy_type: {:?}\nregion: {:?}\nutc_offset: {:?}\n",
        geo.as_name(),
        geo.as_number(),
        geo.area_code(),
        geo.city(),
        geo.conn_speed(),
        geo.conn_type(),
        geo.continent().as_code(),
        geo.country_code(),
        geo.country_code3(),
        geo.country_name(),
        geo.latitude(),
        geo.longitude(),
        geo.metro_code(),
        geo.postal_code(),
        geo.proxy_description(),
        geo.proxy_type(),
        geo.region(),
        geo.utc_offset().map(|offset| offset.whole_seconds()),
    )))
}
