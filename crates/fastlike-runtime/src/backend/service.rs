//! Origins inside this process: closures and services.

use std::any::Any;
use std::error::Error;
use std::fmt::Display;
use std::future::{Future, poll_fn};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use tower_service::Service;

use super::{Backend, BackendInfo, BoxFuture, SendContext, SendError};
use crate::http::{Body, BodyError};

/// A backend that is an async function: it gets the guest's request and
/// answers with a response, or with a `Result` of one.
///
/// A response's body is anything that makes a [`Body`]: text, bytes, `()`, a
/// body. An error is any that can be displayed; the guest sees it as a failed
/// request.
///
/// ```
/// use fastlike_runtime::backend_fn;
///
/// let hello = backend_fn(|request| async move {
///     http::Response::new(format!("hello from {}", request.uri().path()))
/// });
/// # let _ = hello;
/// ```
pub fn backend_fn<F, Fut>(function: F) -> BackendFn<F>
where
    F: Fn(Request<Body>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    BackendFn {
        function,
        info: in_process(),
    }
}

/// What [`backend_fn`] makes.
#[derive(Debug, Clone)]
pub struct BackendFn<F> {
    function: F,
    info: BackendInfo,
}

impl<F> BackendFn<F> {
    /// What guests are told about this backend instead of `localhost:80`.
    pub fn with_info(mut self, info: BackendInfo) -> Self {
        self.info = info;
        self
    }
}

impl<F, Fut> Backend for BackendFn<F>
where
    F: Fn(Request<Body>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    fn send(
        &self,
        request: Request<Body>,
        _cx: SendContext,
    ) -> BoxFuture<'static, Result<Response<Body>, SendError>> {
        let answer = (self.function)(request);
        Box::pin(async move { answer.await.into_response() })
    }
}

/// What the function of [`backend_fn`] may answer with.
pub trait IntoResponse {
    /// The response, or why there is none.
    fn into_response(self) -> Result<Response<Body>, SendError>;
}

impl<B: Into<Body>> IntoResponse for Response<B> {
    fn into_response(self) -> Result<Response<Body>, SendError> {
        Ok(self.map(Into::into))
    }
}

impl<B: Into<Body>, E: Display> IntoResponse for Result<Response<B>, E> {
    fn into_response(self) -> Result<Response<Body>, SendError> {
        match self {
            Ok(response) => response.into_response(),
            Err(error) => Err(SendError::Internal(error.to_string())),
        }
    }
}

/// A backend that is a tower service. A hyper service is called from
/// [`backend_fn`].
#[derive(Debug, Clone)]
pub struct ServiceBackend<S> {
    service: S,
    info: BackendInfo,
}

impl<S> ServiceBackend<S> {
    /// Each request gets a clone of `service`.
    pub fn new(service: S) -> Self {
        Self {
            service,
            info: in_process(),
        }
    }

    /// What guests are told about this backend instead of `localhost:80`.
    pub fn with_info(mut self, info: BackendInfo) -> Self {
        self.info = info;
        self
    }
}

impl<S, B> Backend for ServiceBackend<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Display,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    fn send(
        &self,
        request: Request<Body>,
        _cx: SendContext,
    ) -> BoxFuture<'static, Result<Response<Body>, SendError>> {
        let mut service = self.service.clone();
        Box::pin(async move {
            let failed = |error: S::Error| SendError::Internal(error.to_string());
            poll_fn(|cx| service.poll_ready(cx)).await.map_err(failed)?;
            let response = service.call(request).await.map_err(failed)?;
            Ok(response.map(into_body))
        })
    }
}

fn into_body<B>(body: B) -> Body
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut body = Some(body);
    // A body of ours needs no wrapping, and its bytes stay what they are.
    if let Some(ours) = (&mut body as &mut dyn Any).downcast_mut::<Option<Body>>() {
        return ours.take().unwrap_or_default();
    }
    body.map_or_else(Body::empty, |body| Body::wrap(body.map_err(body_error)))
}

fn body_error(error: impl Into<Box<dyn Error + Send + Sync>>) -> BodyError {
    match error.into().downcast::<BodyError>() {
        Ok(error) => *error,
        Err(error) => match error.downcast::<hyper::Error>() {
            Ok(error) => BodyError::from(*error),
            Err(error) => BodyError::from(error),
        },
    }
}

fn in_process() -> BackendInfo {
    BackendInfo::new("localhost", 80, false)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::Ready;
    use std::task::{Context, Poll};

    use super::*;

    async fn answer(backend: impl Backend) -> Result<String, SendError> {
        let request = Request::get("/path").body(Body::from("body"));
        let sent = backend.send(request.expect("a request"), SendContext::default());
        let body = sent.await?.into_body().collect().await.expect("whole");
        Ok(String::from_utf8(body.to_bytes().to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn a_closure_that_cannot_fail_answers_with_a_response() {
        let backend = backend_fn(|request| async move {
            let body = request.into_body().collect().await.expect("whole");
            Response::new(body.to_bytes())
        });
        assert_eq!(answer(backend).await.as_deref(), Ok("body"));
    }

    #[tokio::test]
    async fn a_closure_that_can_fail_answers_with_a_result() {
        let backend = backend_fn(|request| async move {
            match request.uri().path() {
                "/path" => Ok(Response::new("found")),
                other => Err(format!("nothing at {other}")),
            }
        });
        assert_eq!(answer(backend).await.as_deref(), Ok("found"));
        let backend = backend_fn(|_| async { Err::<Response<()>, _>("out of order") });
        let error = answer(backend).await.err();
        assert_eq!(error, Some(SendError::Internal("out of order".to_owned())));
    }

    #[test]
    fn what_guests_are_told_can_be_set() {
        let backend = backend_fn(|_| async { Response::new(()) });
        assert_eq!(backend.info().host, "localhost");
        let backend = backend.with_info(BackendInfo::new("api.example", 443, true));
        assert_eq!(backend.info().host, "api.example");
    }

    /// A tower service that must be polled ready before it is called.
    #[derive(Clone)]
    struct Careful {
        ready: bool,
        answer: Result<&'static str, &'static str>,
    }

    impl Service<Request<Body>> for Careful {
        type Response = Response<http_body_util::Full<Bytes>>;
        type Error = &'static str;
        type Future = Ready<Result<Self::Response, Self::Error>>;

        fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            self.ready = true;
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _request: Request<Body>) -> Self::Future {
            assert!(self.ready);
            std::future::ready(self.answer.map(|text| Response::new(text.into())))
        }
    }

    #[tokio::test]
    async fn a_service_is_polled_ready_and_called() {
        let service = |answer| {
            let ready = false;
            ServiceBackend::new(Careful { ready, answer })
        };
        assert_eq!(answer(service(Ok("hello"))).await.as_deref(), Ok("hello"));
        let error = answer(service(Err("busy"))).await.err();
        assert_eq!(error, Some(SendError::Internal("busy".to_owned())));
    }

    #[tokio::test]
    async fn the_fault_of_a_services_body_stays_what_it_is() {
        let (writer, body) = crate::http::channel(Body::empty());
        drop(writer);
        let mut body = into_body(body);
        let frame = body.frame().await.expect("a frame");
        assert_eq!(frame.err(), Some(BodyError::Abandoned));
        assert_eq!(body_error(BodyError::Timeout), BodyError::Timeout);
        assert_eq!(
            body_error(std::io::Error::other("broken")),
            BodyError::Transport("broken".to_owned())
        );
    }

    #[tokio::test]
    async fn a_services_body_of_another_type_is_taken_over() {
        let body = http_body_util::Full::new(Bytes::from("other"));
        let length = into_body(body.map_err(|never: Infallible| match never {})).known_length();
        assert_eq!(length, Some(5));
    }
}
