//! [`Fastlike`]: a guest with its world, ready to answer requests.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode, Uri};
use tokio::net::TcpListener;

use crate::answer::{self, Incident};
use crate::builder::Builder;
use crate::engine::Engine;
use crate::error::ServeError;
use crate::http::{Body, BodyError};
use crate::limits::Limits;
use crate::meter::Meter;
use crate::pool::InstancePool;
use crate::program::{Guest, Program, Summary};
use crate::run;
use crate::sandbox::Sandbox;
use crate::session::{ClientMetadata, ClientRequest, OriginalHeaders, ResponseSlot, Session};
use crate::wire::Wire;
use crate::world::World;

const FASTLY_SSL: HeaderName = HeaderName::from_static("fastly-ssl");

/// A Compute program, ready to answer requests.
///
/// Cheap to clone, and immutable: another configuration is another `Fastlike`.
/// It is a [`tower_service::Service`] and a [`hyper::service::Service`].
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use fastlike_runtime::{ConnInfo, Fastlike, backend_fn};
///
/// let fastlike = Fastlike::builder("app.wasm")
///     .backend("origin", backend_fn(|request| async move {
///         http::Response::new(format!("you asked for {}", request.uri().path()))
///     }))
///     .build()
///     .await?;
/// let request = http::Request::get("http://localhost/").body(fastlike_runtime::Body::empty())?;
/// let response = fastlike.handle(request, &ConnInfo::default()).await;
/// assert_eq!(response.status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Fastlike(Arc<Service>);

/// What the clones of a [`Fastlike`] share.
pub(crate) struct Service {
    pub(crate) engine: Engine,
    pub(crate) program: Program,
    pub(crate) pool: InstancePool,
    pub(crate) world: Arc<World>,
    pub(crate) secure: Secure,
    pub(crate) summary: Summary,
    pub(crate) requests: RequestIds,
}

/// Says whether a request came over a secure connection.
pub(crate) type Secure = Box<dyn Fn(&http::request::Parts, &ConnInfo) -> bool + Send + Sync>;

/// What is known of the connection that a request came over.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ConnInfo {
    /// The client's address.
    pub peer: Option<SocketAddr>,
    /// The address that the client connected to.
    pub local: Option<SocketAddr>,
    /// The connection is encrypted.
    pub tls: bool,
    wire: Option<Arc<Wire>>,
}

impl ConnInfo {
    /// A connection from `peer`.
    pub fn new(peer: SocketAddr, local: Option<SocketAddr>) -> Self {
        Self {
            peer: Some(peer),
            local,
            ..Self::default()
        }
    }

    /// Says that the connection is encrypted.
    pub fn with_tls(mut self) -> Self {
        self.tls = true;
        self
    }

    pub(crate) fn with_wire(mut self, wire: Arc<Wire>) -> Self {
        self.wire = Some(wire);
        self
    }
}

/// Numbers requests: a random half for the process, a counting half.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(process: u64) -> Self {
        Self {
            process,
            next: AtomicU64::new(0),
        }
    }

    fn next(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}{number:016x}", self.process)
    }
}

impl Fastlike {
    /// Begins to configure a service for a guest: a path to a `.wasm` or
    /// `.wat` file, or [`Guest::bytes`].
    pub fn builder(guest: impl Into<Guest>) -> Builder {
        Builder::new(guest.into())
    }

    pub(crate) fn from_service(service: Service) -> Self {
        Self(Arc::new(service))
    }

    /// Answers one request by running the guest.
    ///
    /// Never fails: a guest that traps, loops or does not answer is a 5xx.
    /// Dropping the future cancels the run.
    pub async fn handle<B>(&self, request: Request<B>, conn: &ConnInfo) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let request = request.map(|body| Body::wrap(Boxed(Box::pin(body))));
        self.answer(request, conn).await
    }

    /// Serves HTTP/1.1 on a listener until `shutdown`, then lets running
    /// requests end within [`Limits::drain`].
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        crate::serve::serve(self.clone(), listener, shutdown).await
    }

    /// Touches up to `n` warm slots ahead of traffic, and says how many: not
    /// more than there are.
    pub async fn warm_up(&self, n: usize) -> usize {
        let service = &self.0;
        let mut warm = Vec::new();
        for _ in 0..n.min(service.pool.slot_count()) {
            let Some(permit) = service
                .pool
                .admit()
                .await
                .filter(|permit| permit.is_pooled())
            else {
                break;
            };
            let Ok(sandbox) = self.sandbox(
                ClientRequest::nobody(),
                Arc::default(),
                ResponseSlot::new().0,
            ) else {
                break;
            };
            let linked = service.program.pooled();
            let mut store = run::store(linked, sandbox);
            if linked.instance.instantiate_async(&mut store).await.is_err() {
                break;
            }
            warm.push((permit, store));
        }
        warm.len()
    }

    /// What was loaded and configured.
    pub fn summary(&self) -> &Summary {
        &self.0.summary
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.0.world.limits
    }

    fn sandbox(
        &self,
        client: ClientRequest,
        meter: Arc<Meter>,
        slot: ResponseSlot,
    ) -> crate::error::Result<Sandbox> {
        let session = Session::new(Arc::clone(&self.0.world), meter, client, slot)?;
        Ok(Sandbox::new(session))
    }

    pub(crate) async fn answer(&self, request: Request<Body>, conn: &ConnInfo) -> Response<Body> {
        let service = Arc::clone(&self.0);
        let (mut parts, body) = request.into_parts();
        let request_id = service.requests.next();
        let incident = Incident::new(&service.world, request_id.clone(), &parts);
        let original_headers = original_headers(&parts, conn);
        if service.world.identity.is_loop(&parts.headers) {
            return incident.looped();
        }
        let secure = (service.secure)(&parts, conn);
        normalize(&mut parts, secure);
        let Some(permit) = service.pool.admit().await else {
            let mut busy = incident.refused();
            busy.headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
            return busy;
        };
        let metadata = Arc::new(ClientMetadata {
            peer: conn.peer,
            local: conn.local,
            request_id,
            original_headers,
        });
        // Without content, the HTTP connection itself notices its end.
        let watch = if http_body::Body::is_end_stream(&body) {
            None
        } else {
            conn.wire.clone()
        };
        let client = ClientRequest {
            parts,
            body,
            metadata,
        };
        let meter = Arc::new(Meter::default());
        let (slot, response) = ResponseSlot::new();
        let sandbox = match self.sandbox(client, Arc::clone(&meter), slot) {
            Ok(sandbox) => sandbox,
            Err(error) => return incident.not_started(&error.to_string()),
        };
        answer::answer(service, permit, sandbox, meter, incident, response, watch).await
    }
}

impl ClientRequest {
    /// A request that nobody made, for a sandbox that does not run.
    pub(crate) fn nobody() -> Self {
        Self {
            parts: Request::new(()).into_parts().0,
            body: Body::empty(),
            metadata: Arc::new(ClientMetadata {
                peer: None,
                local: None,
                request_id: String::new(),
                original_headers: OriginalHeaders::Names(Vec::new()),
            }),
        }
    }
}

fn original_headers(parts: &http::request::Parts, conn: &ConnInfo) -> OriginalHeaders {
    if parts.version <= http::Version::HTTP_11
        && let Some(head) = conn
            .wire
            .as_ref()
            .and_then(|wire| wire.take_head(&parts.headers))
    {
        return OriginalHeaders::Head(head);
    }
    OriginalHeaders::Names(parts.headers.iter().map(|(name, _)| name.clone()).collect())
}

/// Makes the URI absolute and says by `fastly-ssl` whether the client's
/// connection was secure; a client's own `fastly-ssl` is not believed.
fn normalize(parts: &mut http::request::Parts, secure: bool) {
    parts.headers.remove(FASTLY_SSL);
    if secure {
        parts
            .headers
            .insert(FASTLY_SSL, HeaderValue::from_static("1"));
    }
    let scheme = if secure { "https" } else { "http" };
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = host.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let absolute = |authority: &str| {
        Uri::builder()
            .scheme(scheme)
            .authority(authority)
            .path_and_query(target)
            .build()
    };
    // `*` of OPTIONS and a host that is none have no absolute form.
    let uri = authority
        .map(absolute)
        .and_then(Result::ok)
        .or_else(|| absolute("localhost").ok());
    if let Some(uri) = uri {
        parts.uri = uri;
    }
}

/// Any body, with the error type that [`Body::wrap`] takes.
struct Boxed<B>(Pin<Box<B>>);

impl<B> http_body::Body for Boxed<B>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BodyError>>> {
        self.0
            .as_mut()
            .poll_frame(cx)
            .map_err(|error| BodyError::from(error.into()))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.0.size_hint()
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

fn answering<B>(fastlike: Fastlike, request: Request<B>) -> Answering
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // A server that knows its connection says so in an extension.
    let conn = request
        .extensions()
        .get::<ConnInfo>()
        .cloned()
        .unwrap_or_default();
    Box::pin(async move { Ok(fastlike.handle(request, &conn).await) })
}

impl<B> tower_service::Service<Request<B>> for Fastlike
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answering {
        answering(self.clone(), request)
    }
}

impl<B> hyper::service::Service<Request<B>> for Fastlike
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<B>) -> Answering {
        answering(self.clone(), request)
    }
}

impl std::fmt::Debug for Fastlike {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fastlike")
            .field("summary", &self.0.summary)
            .finish_non_exhaustive()
    }
}

/// The statuses of answers that no guest made.
pub(crate) const LOOP: StatusCode = StatusCode::LOOP_DETECTED;

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(request: Request<()>, secure: bool) -> String {
        let mut parts = request.into_parts().0;
        normalize(&mut parts, secure);
        parts.uri.to_string()
    }

    #[test]
    fn the_guest_sees_an_absolute_uri() {
        let request = |target: &str, host: &str| {
            Request::get(target)
                .header("host", host)
                .body(())
                .expect("request")
        };
        assert_eq!(
            uri(request("/a?b", "example.com:8080"), false),
            "http://example.com:8080/a?b"
        );
        assert_eq!(
            uri(request("/", "example.com"), true),
            "https://example.com/"
        );
        assert_eq!(
            uri(request("http://other.example/x", "example.com"), false),
            "http://example.com/x"
        );
        assert_eq!(uri(request("/", "no host"), false), "http://localhost/");
    }

    #[test]
    fn a_client_cannot_claim_to_be_secure() {
        let request = Request::get("/")
            .header("fastly-ssl", "1")
            .body(())
            .expect("request");
        let mut parts = request.into_parts().0;
        normalize(&mut parts, false);
        assert!(parts.headers.get("fastly-ssl").is_none());
    }
}
