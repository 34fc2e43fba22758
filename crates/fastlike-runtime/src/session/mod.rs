//! What one run of a guest can see and hold. Built for the run, dropped with it.

mod arena;
mod downstream;
mod items;
mod pending;

use std::sync::Arc;

use fastlike_abi::types::{
    BodyHandle, ConfigStoreHandle, DictionaryHandle, EndpointHandle, RequestHandle, ResponseHandle,
};
use tokio::task::JoinHandle;

pub(crate) use arena::HandleArena;
pub(crate) use downstream::{
    ClientMetadata, ClientRequest, Downstream, OriginalHeaders, ResponseSlot,
};
pub(crate) use items::{AnyItem, AsyncItems};
pub(crate) use pending::{
    ChangeTarget, HeaderChange, PendingRequest, ResponsePlan, SendResult, apply as apply_changes,
};

use crate::config_store::ConfigStore;
use crate::error::{Error, Result};
use crate::http::{Body, Budget, FramingMode};
use crate::limits;
use crate::meter::Meter;
use crate::world::World;

/// The state of one run of a guest: handles, the client's request and its
/// answer. Knows no wasm.
pub(crate) struct Session {
    pub(crate) world: Arc<World>,
    pub(crate) requests: HandleArena<RequestHandle, OutgoingRequest>,
    pub(crate) responses: HandleArena<ResponseHandle, GuestResponse>,
    pub(crate) items: AsyncItems,
    pub(crate) opened: Opened,
    pub(crate) downstream: Downstream,
    /// Host memory that bodies written by this guest may hold.
    pub(crate) budget: Budget,
    pub(crate) meter: Arc<Meter>,
    /// Bytes of headers that this guest has made.
    header_bytes: usize,
}

/// What the guest opened by name.
pub(crate) struct Opened {
    pub(crate) config_stores: HandleArena<ConfigStoreHandle, Arc<dyn ConfigStore>>,
    pub(crate) dictionaries: HandleArena<DictionaryHandle, Arc<dyn ConfigStore>>,
    pub(crate) log_endpoints: HandleArena<EndpointHandle, String>,
}

/// A request that a guest reads or builds.
#[derive(Debug)]
pub(crate) struct OutgoingRequest {
    pub(crate) method: http::Method,
    pub(crate) uri: http::Uri,
    pub(crate) version: http::Version,
    pub(crate) headers: http::HeaderMap,
    pub(crate) framing: FramingMode,
    pub(crate) decompress: bool,
    pub(crate) cache_override: CacheOverride,
}

impl Default for OutgoingRequest {
    fn default() -> Self {
        Self {
            method: http::Method::GET,
            uri: http::Uri::default(),
            version: http::Version::HTTP_11,
            headers: http::HeaderMap::new(),
            framing: FramingMode::Automatic,
            decompress: false,
            cache_override: CacheOverride::None,
        }
    }
}

/// What the guest asked of the read-through cache. Kept and validated; there
/// is no such cache yet, so only `Pass` shows (destination addresses).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum CacheOverride {
    #[default]
    None,
    Pass,
    Override {
        ttl: Option<u32>,
        stale_while_revalidate: Option<u32>,
        pci: bool,
        surrogate_keys: Option<String>,
        lookup_timeout_ms: Option<u32>,
    },
}

/// A response that a guest reads or builds.
#[derive(Debug)]
pub(crate) struct GuestResponse {
    pub(crate) status: http::StatusCode,
    pub(crate) version: http::Version,
    pub(crate) headers: http::HeaderMap,
    pub(crate) framing: FramingMode,
    pub(crate) close_connection: bool,
    /// The origin's address, when this run may know it.
    pub(crate) remote: Option<std::net::SocketAddr>,
}

impl Default for GuestResponse {
    fn default() -> Self {
        Self {
            status: http::StatusCode::OK,
            version: http::Version::HTTP_11,
            headers: http::HeaderMap::new(),
            framing: FramingMode::Automatic,
            close_connection: false,
            remote: None,
        }
    }
}

impl Session {
    /// A session for `client`'s request, which is answered through `slot`.
    pub(crate) fn new(
        world: Arc<World>,
        meter: Arc<Meter>,
        client: ClientRequest,
        slot: ResponseSlot,
    ) -> Result<Self> {
        let mut requests = HandleArena::new("request", limits::REQUESTS);
        let mut items = AsyncItems::new();
        let ClientRequest {
            parts,
            body,
            metadata,
        } = client;
        let head = parts.method == http::Method::HEAD;
        let request = requests.insert(OutgoingRequest {
            method: parts.method,
            uri: parts.uri,
            version: parts.version,
            headers: parts.headers,
            ..OutgoingRequest::default()
        })?;
        let body: BodyHandle = items.insert(body)?;
        Ok(Self {
            budget: Budget::new(world.limits.body_memory),
            world,
            requests,
            responses: HandleArena::new("response", limits::RESPONSES),
            items,
            opened: Opened {
                config_stores: HandleArena::new("config store", limits::OPENED),
                dictionaries: HandleArena::new("dictionary", limits::OPENED),
                log_endpoints: HandleArena::new("log endpoint", limits::OPENED),
            },
            downstream: Downstream::new(request, body, metadata, slot, head),
            meter,
            header_bytes: 0,
        })
    }

    /// Counts a header that the guest makes towards the run's limit.
    pub(crate) fn charge_header(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        self.header_bytes = self
            .header_bytes
            .saturating_add(name.len())
            .saturating_add(value.len());
        if self.header_bytes > limits::HEADER_BYTES {
            return Err(Error::Limit {
                what: "bytes of headers made",
                max: limits::HEADER_BYTES as u64,
            });
        }
        Ok(())
    }

    /// Keeps a response that arrived and gives its two handles.
    pub(crate) fn insert_response(
        &mut self,
        response: http::Response<Body>,
        plan: ResponsePlan,
    ) -> Result<(ResponseHandle, BodyHandle)> {
        let response = if plan.decompress {
            crate::http::decompress_response(response)
        } else {
            response
        };
        let (parts, body) = response.into_parts();
        let remote = parts
            .extensions
            .get::<crate::backend::RemoteAddr>()
            .map(|remote| remote.0);
        let head = self.responses.insert(GuestResponse {
            status: parts.status,
            version: parts.version,
            headers: parts.headers,
            remote: remote.filter(|_| plan.tell_address),
            ..GuestResponse::default()
        })?;
        let body = self.items.insert(body)?;
        Ok((head, body))
    }
}

/// Runs work that may outlive the guest that began it.
pub(crate) fn detach<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    tokio::spawn(work)
}
