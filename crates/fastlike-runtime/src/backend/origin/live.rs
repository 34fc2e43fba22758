//! Sending requests: what all requests to one origin share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;

use super::Settings;
use super::clock::FirstByte;
use super::connect::{self, Need};
use super::exchange::Unanswered;
use super::limit::Limit;
use super::pool::{Lease, Pool, Rules};
use super::request::{self, RequestBody};
use super::response;
use crate::backend::SendError;
use crate::backend::tls::{Protocols, Tls};
use crate::http::{Body, after};

/// How often a request is sent that the origin says it did not look at.
const ATTEMPTS: usize = 3;

/// What requests share.
pub(super) struct Live {
    pub(super) settings: Settings,
    pub(super) pool: Arc<Pool>,
    /// Held while a connection is made that others may share.
    pub(super) opening: Mutex<()>,
    /// A [`Speaks`].
    speaks: AtomicU8,
    tls: OnceCell<Tls>,
}

/// What an origin speaks, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Speaks {
    Unknown,
    Http1,
    Http2,
}

impl Live {
    pub(super) fn new(settings: &Settings) -> Arc<Self> {
        let speaks = match (settings.info.tls, settings.grpc) {
            (_, true) => Speaks::Http2,
            (true, false) if settings.http2 => Speaks::Unknown,
            _ => Speaks::Http1,
        };
        let rules = Rules {
            keep: settings.keep(),
            max_use: settings.max_use,
            max_lifetime: settings.max_lifetime,
        };
        Arc::new(Self {
            settings: settings.clone(),
            pool: Pool::new(rules, Limit::new(settings.max_connections)),
            opening: Mutex::new(()),
            speaks: AtomicU8::new(speaks as u8),
            tls: OnceCell::new(),
        })
    }

    pub(super) fn speaks(&self) -> Speaks {
        match self.speaks.load(Ordering::Relaxed) {
            0 => Speaks::Unknown,
            1 => Speaks::Http1,
            _ => Speaks::Http2,
        }
    }

    pub(super) fn learn(&self, speaks: Speaks) {
        self.speaks.store(speaks as u8, Ordering::Relaxed);
    }

    /// Whether a new connection may turn out to serve many requests.
    pub(super) fn may_be_shared(&self) -> bool {
        self.speaks() != Speaks::Http1 && self.pool.keeps()
    }

    pub(super) async fn send(
        &self,
        request: Request<Body>,
        upgrade: bool,
    ) -> Result<Response<Body>, SendError> {
        let Settings { info, prefix, .. } = &self.settings;
        let timeout = info.first_byte_timeout;
        let mut request = request::prepare(request, prefix, info, upgrade)?;
        let progress = request.body().progress();
        let now = Instant::now();
        let sleep = tokio::time::sleep_until(after(now, timeout));
        tokio::pin!(sleep);
        let mut first_byte = FirstByte::new(sleep, now, timeout, progress);

        // What is upgraded does not come back, so it is no idle connection.
        let mut need = Need {
            fresh: false,
            upgrade,
        };
        let mut attempts = 0;
        loop {
            let idle = (!need.fresh && !upgrade).then(|| self.pool.take(now));
            let (mut lease, reused) = match idle.flatten() {
                Some(lease) => (lease, true),
                None => {
                    // Boxed because it is large and most requests do without it.
                    let lease = Box::pin(connect::obtain(self, need)).await?;
                    first_byte.restart();
                    let reused = matches!(&lease, Lease::Stream(stream) if stream.reused);
                    (lease, reused)
                }
            };
            let may_repeat = reused || matches!(lease, Lease::Stream(_));
            let again = may_repeat.then(|| request::again(&request)).flatten();
            let safe = request.method().is_safe();
            let unanswered = match self
                .exchange(&mut lease, request, &mut first_byte, upgrade)
                .await
            {
                Ok(response) => return Ok(self.receive(response, lease)),
                Err(unanswered) => unanswered,
            };
            drop(lease);
            attempts += 1;
            let Unanswered {
                error,
                unsent,
                untouched,
            } = unanswered;
            request = match (unsent, again) {
                // The connection died while it was idle. What was not sent, not
                // even its body, can be sent elsewhere; so can, once, what was
                // sent just when the origin closed (RFC 9112 section 9.3.1).
                (Some(unsent), _) if reused || may_repeat && attempts < ATTEMPTS => unsent,
                (None, Some(again)) if untouched && attempts < ATTEMPTS => {
                    again.map(RequestBody::new)
                }
                (None, Some(again))
                    if reused && safe && !need.fresh && error == SendError::Terminated =>
                {
                    need.fresh = true;
                    again.map(RequestBody::new)
                }
                _ => return Err(error),
            };
        }
    }

    async fn exchange(
        &self,
        lease: &mut Lease,
        request: Request<RequestBody>,
        first_byte: &mut FirstByte<'_>,
        upgrade: bool,
    ) -> Result<Response<Incoming>, Unanswered> {
        match lease {
            Lease::Whole(connection) => connection.exchange(request, first_byte, upgrade).await,
            Lease::Stream(_) if upgrade => {
                let why = "an HTTP/2 connection cannot be upgraded";
                Err(SendError::Protocol(why.to_owned()).into())
            }
            Lease::Stream(stream) => {
                let tls = self.settings.info.tls;
                stream.exchange(request, first_byte, tls).await
            }
        }
    }

    fn receive(&self, response: Response<Incoming>, lease: Lease) -> Response<Body> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return response::upgraded(response, lease);
        }
        let between_bytes = self.settings.info.between_bytes_timeout;
        response::receive(response, lease, &self.pool, between_bytes)
    }

    pub(super) async fn tls(&self) -> Result<&Tls, SendError> {
        let build = || async {
            let settings = self.settings.clone();
            // The system's roots are read from files.
            let built = tokio::task::spawn_blocking(move || {
                let info = &settings.info;
                let protocols = match (settings.grpc, settings.http2) {
                    (true, _) => Protocols::OnlyHttp2,
                    (false, true) => Protocols::Both,
                    (false, false) => Protocols::OnlyHttp1,
                };
                settings
                    .tls
                    .build(&info.host, info.tls_min, info.tls_max, protocols)
            });
            built
                .await
                .map_err(|error| SendError::Internal(error.to_string()))?
        };
        self.tls.get_or_try_init(build).await
    }
}
