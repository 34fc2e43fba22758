//! Geolocation as the oldest SDKs ask for it: as a request to a backend.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderName, Request, Response, StatusCode};

use super::GeoProvider;
use crate::backend::{Backend, backend_fn};
use crate::http::Body;

/// The backend's name, which no service can have taken.
pub(crate) const NAME: &str = "geolocation";

const ADDRESS: HeaderName = HeaderName::from_static("fastly-xqd-arg1");

/// A backend that answers the record of the address in `fastly-xqd-arg1` as
/// JSON: what `fastly` 0.2 to 0.3 send for `geo_lookup`.
pub(crate) fn backend(geo: Arc<dyn GeoProvider>) -> impl Backend {
    backend_fn(move |request: Request<Body>| {
        let address = request
            .headers()
            .get(ADDRESS)
            .and_then(|value| value.to_str().ok());
        let address = address.and_then(|text| text.parse::<IpAddr>().ok());
        let record = address.map(|address| geo.lookup(address));
        async move {
            let (status, text) = match record {
                None => (
                    StatusCode::BAD_REQUEST,
                    "fastly-xqd-arg1 is not an address".to_owned(),
                ),
                Some(None) => (StatusCode::NOT_FOUND, String::new()),
                Some(Some(record)) => (StatusCode::OK, record.to_json()),
            };
            let mut response = Response::new(text);
            *response.status_mut() = status;
            response
        }
    })
}
