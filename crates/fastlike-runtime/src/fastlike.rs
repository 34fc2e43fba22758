//! [`Fastlike`]: a guest with its world, ready to answer requests.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode, Version};
use tokio::net::TcpListener;

use crate::acl::Acls;
use crate::answer::{self, Exchange};
use crate::builder::Builder;
use crate::client::{self, ConnInfo, Known};
use crate::config_store::ConfigStores;
use crate::current::Current;
use crate::engine::Engine;
use crate::error::ServeError;
use crate::guest::Guest as Running;
use crate::http::{Body, BodyError, TakesTrailers};
use crate::identity::Trail;
use crate::incident::{self, Incident};
use crate::limits::Limits;
use crate::log::LogReport;
use crate::pool::{Admitted, InstancePool, Permit};
use crate::program::{Guest, Program, Summary};
use crate::reuse::{self, Delivery, Draining, Met};
use crate::run;
use crate::sandbox::Sandbox;
use crate::secret_store::SecretStores;
use crate::serve::ServeOptions;
use crate::session::{
    ClientMetadata, ClientRequest, OriginalHeaders, ResponseSlot, Session, detach,
};
use crate::state::State;
use crate::world::World;

/// A Compute program, ready to answer requests.
///
/// Cheap to clone, and immutable but for what its stores hold: another
/// configuration is another `Fastlike`.
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
    pub(crate) known: Known,
    pub(crate) summary: Summary,
    pub(crate) requests: RequestIds,
}

/// Says whether a request came over a secure connection.
pub(crate) type Secure = Box<dyn Fn(&http::request::Parts, &ConnInfo) -> bool + Send + Sync>;

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

    pub(crate) fn next(&self) -> String {
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

    pub(crate) fn of_service(service: Arc<Service>) -> Self {
        Self(service)
    }

    pub(crate) fn into_service(self) -> Arc<Service> {
        self.0
    }

    pub(crate) fn downgrade(&self) -> Weak<Service> {
        Arc::downgrade(&self.0)
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

    /// Serves HTTP/1.1 and HTTP/2 in cleartext on a listener until
    /// `shutdown`, then lets running requests end within [`Limits::drain`].
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        self.serve_with(listener, ServeOptions::new(), shutdown)
            .await
    }

    /// As [`Fastlike::serve`], with TLS, behind a proxy, or both.
    pub async fn serve_with(
        &self,
        listener: TcpListener,
        options: ServeOptions,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        Current::new(self.clone())
            .serve_with(listener, options, shutdown)
            .await
    }

    /// Touches up to `n` warm slots ahead of traffic, and says how many: not
    /// more than there are.
    pub async fn warm_up(&self, n: usize) -> usize {
        let service = &self.0;
        let mut warm = Vec::new();
        for _ in 0..n.min(service.pool.slot_count()) {
            let permit = service.pool.try_admit();
            let Some(permit) = permit.filter(Permit::is_pooled) else {
                break;
            };
            let nobody = Delivery {
                client: ClientRequest::nobody(),
                slot: ResponseSlot::new().0,
            };
            let Ok(sandbox) = self.sandbox(nobody) else {
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

    /// What the program stores, which can outlive the service.
    pub fn state(&self) -> &State {
        &self.0.world.state
    }

    /// Ends when the log lines so far are where they should be, or are lost.
    /// Serving does this when it ends; it can take as long as their targets.
    pub async fn flush_logs(&self) {
        self.0.world.logs.flush().await;
    }

    /// What became of the lines of log endpoints that have a queue, in the
    /// order of their names.
    pub fn log_reports(&self) -> Vec<LogReport> {
        self.0.world.logs.reports()
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.0.world.limits
    }

    /// The config stores of the service. They can be changed while it runs,
    /// here and below.
    pub fn config_stores(&self) -> &ConfigStores {
        &self.0.world.config_stores
    }

    /// The secret stores of the service.
    pub fn secret_stores(&self) -> &SecretStores {
        &self.0.world.secret_stores
    }

    /// The access control lists of the service.
    pub fn acls(&self) -> &Acls {
        &self.0.world.acls
    }

    fn sandbox(&self, first: Delivery) -> crate::error::Result<Sandbox> {
        let Delivery { client, slot } = first;
        let session = Session::new(Arc::clone(&self.0.world), Arc::default(), client, slot)?;
        Ok(Sandbox::new(session))
    }

    /// Ends the waiting of sandboxes for further requests, until the guard is
    /// dropped.
    pub(crate) fn drain(&self) -> Draining {
        self.0.world.lot.drain()
    }

    pub(crate) async fn answer(&self, request: Request<Body>, conn: &ConnInfo) -> Response<Body> {
        let service = &self.0;
        let (mut parts, body) = request.into_parts();
        let request_id = service.requests.next();
        let incident = Incident::new(&service.world, request_id.clone(), &parts);
        let original_headers = client::original_headers(&parts, conn);
        if let Err(refusal) = client::check(&mut parts, conn) {
            return incident.rejected(refusal, parts.version);
        }
        let trail = service.world.identity.trail(&parts.headers);
        if trail.is_loop {
            return incident.looped();
        }
        let signals = service.known.signals(&mut parts, conn);
        let key_is_valid = service.known.key_is_valid(&parts);
        let secure = (service.secure)(&parts, conn);
        client::normalize(&mut parts, secure);
        let metadata = Arc::new(ClientMetadata {
            peer: conn.peer,
            local: conn.local,
            request_id,
            original_headers,
            tls: conn.shared_tls_facts(),
            h2_fingerprint: conn.wire().and_then(|wire| wire.h2_fingerprint()),
            signals,
            key_is_valid,
            trail,
        });
        // Without content, the HTTP connection itself notices its end, and
        // one of HTTP/2 always does.
        let watch = conn
            .wire()
            .filter(|wire| !wire.is_http2() && !http_body::Body::is_end_stream(&body))
            .cloned();
        let client = ClientRequest {
            wire: conn
                .wire()
                .filter(|_| parts.version == Version::HTTP_11)
                .cloned(),
            takes_trailers: client::takes_trailers(&parts, conn),
            parts,
            body,
            metadata,
        };
        let (slot, response) = ResponseSlot::new();
        let exchange = Exchange {
            incident,
            response,
            watch,
            alive: conn.alive().cloned(),
        };
        self.dispatch(Delivery { client, slot }, exchange).await
    }

    /// Has a sandbox answer: a parked one that takes the request, or a new one.
    async fn dispatch(&self, mut delivery: Delivery, mut exchange: Exchange) -> Response<Body> {
        let service = &self.0;
        let lot = &service.world.lot;
        loop {
            match service.pool.admit(lot).await {
                None => {
                    let mut busy = exchange.incident.refused();
                    busy.headers_mut()
                        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
                    return busy;
                }
                Some(Admitted::New(permit)) => {
                    let sandbox = match self.sandbox(delivery) {
                        Ok(sandbox) => sandbox,
                        Err(error) => return exchange.incident.not_started(&error.to_string()),
                    };
                    let guest = Running::new(Arc::clone(service), permit, sandbox);
                    exchange.incident.begins(&guest.meter, false);
                    return answer::answer(lot, guest, exchange).await;
                }
                Some(Admitted::Parked(guest)) => match reuse::meet(guest, delivery).await {
                    Met::Taken(guest, ended) => {
                        exchange.incident.begins(&guest.meter, true);
                        return match ended {
                            Some(ended) => answer::ended(ended, exchange).await,
                            None => answer::answer(lot, guest, exchange).await,
                        };
                    }
                    Met::Busy(guest, back) => {
                        let lot = Arc::clone(lot);
                        drop(detach(async move { lot.attend(guest).await }));
                        delivery = *back;
                    }
                    Met::Ended(ended, back) => {
                        incident::log_idle_fault(&ended);
                        delivery = *back;
                    }
                },
            }
        }
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
                tls: None,
                h2_fingerprint: None,
                signals: None,
                key_is_valid: false,
                trail: Trail::default(),
            }),
            wire: None,
            takes_trailers: TakesTrailers::default(),
        }
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
