//! What one run of a guest can see and hold. Built for the run, dropped with it.

mod arena;
mod downstream;
mod items;
mod kv;
mod pending;
mod promise;

use std::collections::HashMap;
use std::sync::Arc;

use fastlike_abi::types::{
    AclHandle, BodyHandle, ConfigStoreHandle, DictionaryHandle, EndpointHandle, KvStoreHandle,
    RequestHandle, RequestPromiseHandle, ResponseHandle, SecretHandle, SecretStoreHandle,
};
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub(crate) use arena::HandleArena;
use downstream::Client;
pub(crate) use downstream::{
    ClientMetadata, ClientReader, ClientRequest, Downstream, OriginalHeaders, ResponseSlot,
};
pub(crate) use items::{AnyItem, AsyncItems};
pub(crate) use kv::{KvDeletion, KvInsertion, KvListing, KvLookup};
pub(crate) use pending::{
    ChangeTarget, HeaderChange, PendingRequest, ResponsePlan, SendResult, apply as apply_changes,
};
pub(crate) use promise::RequestPromise;

use crate::acl::Acl;
use crate::backend::{Backend, Origin};
use crate::config_store::ConfigStore;
use crate::error::{Error, Result};
use crate::hand_off::{Head, Original};
use crate::http::{Body, Budget, FramingMode};
use crate::kv::KvStore;
use crate::limits;
use crate::meter::Meter;
use crate::reuse::{Delivery, Handoff};
use crate::secret_store::{Secret, SecretStore};
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
    /// The client's request, if it may be handed off.
    pub(crate) original: Option<Box<Original>>,
    /// The client's request came with content.
    pub(crate) has_content: bool,
    /// Backends that lead to shields, by the names that this guest was given.
    pub(crate) shield_backends: HashMap<String, Arc<dyn Backend>>,
    /// Backends that this guest made.
    pub(crate) dynamic_backends: HashMap<String, Arc<Origin>>,
    /// Host memory that bodies written by this guest may hold.
    pub(crate) budget: Budget,
    pub(crate) meter: Arc<Meter>,
    /// Where further requests come from.
    pub(crate) handoff: Arc<Handoff>,
    /// The last promise to take one.
    pub(crate) promise: Option<RequestPromiseHandle>,
    /// When the run began.
    pub(crate) born: Instant,
    /// Bytes of headers that this guest has made.
    header_bytes: usize,
}

/// What the guest opened by name.
pub(crate) struct Opened {
    pub(crate) config_stores: HandleArena<ConfigStoreHandle, ConfigStore>,
    pub(crate) dictionaries: HandleArena<DictionaryHandle, ConfigStore>,
    /// Object stores are among them.
    pub(crate) kv_stores: HandleArena<KvStoreHandle, KvStore>,
    pub(crate) log_endpoints: HandleArena<EndpointHandle, String>,
    pub(crate) secret_stores: HandleArena<SecretStoreHandle, SecretStore>,
    pub(crate) acls: HandleArena<AclHandle, Acl>,
    pub(crate) secrets: HandleArena<SecretHandle, Secret>,
    /// Bytes of the secrets that the guest made.
    pub(crate) secret_bytes: usize,
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
        let mut session = Self {
            budget: Budget::new(world.limits.body_memory),
            world,
            requests: HandleArena::new("request", limits::REQUESTS),
            responses: HandleArena::new("response", limits::RESPONSES),
            items: AsyncItems::new(),
            opened: Opened {
                config_stores: HandleArena::new("config store", limits::OPENED),
                dictionaries: HandleArena::new("dictionary", limits::OPENED),
                kv_stores: HandleArena::new("KV store", limits::OPENED),
                log_endpoints: HandleArena::new("log endpoint", limits::OPENED),
                secret_stores: HandleArena::new("secret store", limits::OPENED),
                acls: HandleArena::new("ACL", limits::OPENED),
                secrets: HandleArena::new("secret", limits::OPENED),
                secret_bytes: 0,
            },
            downstream: Downstream::awaiting(Arc::clone(&client.metadata)),
            original: None,
            has_content: false,
            shield_backends: HashMap::new(),
            dynamic_backends: HashMap::new(),
            meter,
            handoff: Arc::default(),
            promise: None,
            born: Instant::now(),
            header_bytes: 0,
        };
        session.turn(Delivery { client, slot })?;
        Ok(session)
    }

    /// From now on the guest answers this request.
    pub(crate) fn turn(&mut self, delivery: Delivery) -> Result<(RequestHandle, BodyHandle)> {
        let Delivery { client, slot } = delivery;
        let ClientRequest {
            mut parts,
            body,
            metadata,
            wire,
            takes_trailers,
        } = client;
        self.original = self.original_of(&mut parts);
        self.has_content = !http_body::Body::is_end_stream(&body);
        let head = parts.method == http::Method::HEAD;
        let request = self.requests.insert(OutgoingRequest {
            method: parts.method,
            uri: parts.uri,
            version: parts.version,
            headers: parts.headers,
            ..OutgoingRequest::default()
        })?;
        let handles = (request, self.items.insert(body)?);
        let client = Client {
            metadata,
            slot,
            wire,
            reader: ClientReader {
                head,
                takes_trailers,
            },
        };
        self.downstream.turn(handles, client);
        Ok(handles)
    }

    /// What is kept of a request that may be handed off: one that asks for
    /// another protocol, and any where there is Fanout.
    fn original_of(&self, parts: &mut http::request::Parts) -> Option<Box<Original>> {
        let upgrade = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
        if upgrade.is_none() && self.world.hand_offs.grip_proxy.is_none() {
            return None;
        }
        let head = Head {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            headers: parts.headers.clone(),
        };
        Some(Box::new(Original {
            head,
            upgrade,
            body: None,
        }))
    }

    /// The guest has closed a body: the client's is kept if it may be handed
    /// off, since SDKs close it before they do that.
    pub(crate) fn closed_body(&mut self, handle: BodyHandle, body: Body) {
        if self.downstream.handles().1 == handle
            && !self.downstream.slot.is_used()
            && let Some(original) = &mut self.original
        {
            original.body = Some(body);
        }
    }

    /// True if another request could come upon one of the limits of a run
    /// that count all that it ever had.
    pub(crate) fn is_worn(&self) -> bool {
        let half = |(used, limit): (usize, usize)| used > limit / 2;
        half(self.requests.usage())
            || half(self.responses.usage())
            || half(self.items.usage())
            || half((self.header_bytes, limits::HEADER_BYTES))
            || half(self.opened.secrets.usage())
            || half((self.opened.secret_bytes, limits::SECRET_BYTES))
    }

    /// True if there is room for one more request.
    pub(crate) fn has_room(&self) -> bool {
        let room = |(used, limit): (usize, usize)| used < limit;
        room(self.requests.usage()) && room(self.items.usage())
    }

    /// The backend of this name: configured, or made by this guest.
    pub(crate) fn backend(&self, name: &str) -> Option<Arc<dyn Backend>> {
        if let Some(backend) = self.dynamic_backends.get(name) {
            return Some(Arc::clone(backend) as Arc<dyn Backend>);
        }
        match self.shield_backends.get(name) {
            Some(backend) => Some(Arc::clone(backend)),
            None => self.world.backends.get(name),
        }
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
