//! Looks the address in the header `x-address` up in the ACL that `x-acl` names, and answers with
//! the prefix and the action, `no match`, or why there is no such list.

use fastly::acl::Acl;
use fastly::{Error, Request, Response};

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let acl = match Acl::open(request.get_header_str("x-acl").unwrap_or("clients")) {
        Ok(acl) => acl,
        Err(error) => return Ok(Response::from_body(format!("{error:?}"))),
    };
    let address = match request.get_header_str("x-address") {
        Some(address) => address.parse()?,
        None => request.get_client_ip_addr().expect("a client"),
    };
    let found = match acl.try_lookup(address)? {
        Some(found) => {
            assert!(found.is_allow() != found.is_block());
            format!("{} {:?}", found.prefix(), found.action())
        }
        None => "no match".to_owned(),
    };
    Ok(Response::from_body(found))
}
