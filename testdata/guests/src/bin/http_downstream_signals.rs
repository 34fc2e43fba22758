//! What is known of a client beyond its request. Answers with lines of `name: value`.

use fastly::{Error, Request, Response};
use std::fmt::Debug;

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let mut lines = vec![
        line("ddos_detected", request.get_client_ddos_detected()),
        line("bot_category_kind", request.get_bot_category_kind()),
        line("bot_verified", request.get_bot_verified()),
    ];
    if let Some(known) = request.get_vpn_proxy_data() {
        lines.extend([
            line("is_anonymous", known.is_anonymous),
            line("is_anonymous_vpn", known.is_anonymous_vpn),
            line("is_hosting_provider", known.is_hosting_provider),
            line("is_proxy_over_vpn", known.is_proxy_over_vpn),
            line("is_public_proxy", known.is_public_proxy),
            line("is_relay_proxy", known.is_relay_proxy),
            line("is_residential_proxy", known.is_residential_proxy),
            line("is_smart_dns_proxy", known.is_smart_dns_proxy),
            line("is_tor_exit_node", known.is_tor_exit_node),
            line("is_vpn_datacenter", known.is_vpn_datacenter),
            line("vpn_service_name", &known.vpn_service_name),
        ]);
    }
    Ok(Response::from_body(lines.concat()))
}

fn line(name: &str, value: impl Debug) -> String {
    format!("{name}: {value:?}\n")
}
