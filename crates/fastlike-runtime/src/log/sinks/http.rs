//! Lines as the content of requests.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::BodyExt as _;

use super::{Failure, Progress};
use crate::backend::{Backend as _, Origin, SendContext};
use crate::http::Body;
use crate::log::endpoint::{HttpLog, LogFormat};
use crate::log::endpoints::LogEndpointError;

/// An HTTP server that batches are posted to.
pub(in crate::log) struct Posts {
    origin: Origin,
    target: Uri,
    headers: HeaderMap,
}

impl Posts {
    pub(super) fn new(settings: &HttpLog, format: LogFormat) -> Result<Self, LogEndpointError> {
        let wrong = |why: String| LogEndpointError::Target(why);
        let (base, query) = match settings.url.split_once('?') {
            Some((base, query)) => (base, Some(query)),
            None => (settings.url.as_str(), None),
        };
        // It knows what a URL of an origin must be, and shows no secret.
        Origin::new(base).map_err(|error| wrong(error.to_string()))?;
        let uri: Uri = base
            .parse()
            .map_err(|_| wrong("the URL makes no sense".to_owned()))?;
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        let scheme = uri.scheme_str().unwrap_or("http");
        let origin = Origin::new(&format!("{scheme}://{authority}"))
            .map_err(|error| wrong(error.to_string()))?;
        let path = match query {
            Some(query) => format!("{}?{query}", uri.path()),
            None => uri.path().to_owned(),
        };
        let path = PathAndQuery::try_from(path)
            .map_err(|_| wrong("the URL's query makes no sense".to_owned()))?;
        let mut headers = settings.headers.clone();
        if !headers.contains_key(CONTENT_TYPE) {
            let content = match format {
                LogFormat::Raw => "text/plain; charset=utf-8",
                LogFormat::Json => "application/x-ndjson",
            };
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
        }
        Ok(Self {
            origin,
            target: Uri::from(path),
            headers,
        })
    }

    pub(super) async fn send(
        &mut self,
        lines: &[Bytes],
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let mut text = Vec::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
        for line in lines {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        let mut request = Request::new(Body::from(text));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        let sent = self.origin.send(request, SendContext::default()).await;
        let response = sent.map_err(|error| Failure::Passing(error.to_string()))?;
        let status = response.status();
        // Read to its end, the connection can be used again.
        let mut body = response.into_body();
        while let Some(Ok(_)) = body.frame().await {}
        if status.is_success() {
            progress.delivered = lines.len();
            return Ok(());
        }
        let why = format!("it answered {status}");
        let later = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
        if status.is_server_error() || later.contains(&status) {
            return Err(Failure::Passing(why));
        }
        progress.refused = lines.len();
        Err(Failure::Final(why))
    }
}
