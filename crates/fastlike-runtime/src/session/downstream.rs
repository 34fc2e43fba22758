//! The client: its request's metadata and the one answer it gets.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use fastlike_abi::handle::{Handle, INVALID};
use fastlike_abi::types::{BodyHandle, RequestHandle};
use tokio::sync::oneshot;

use crate::client::{ClientSignals, TlsFacts};
use crate::error::{Error, Result};
use crate::http::{Body, TakesTrailers};
use crate::identity::Trail;
use crate::limits;
use crate::wire::Wire;

/// A client's request on its way into a sandbox.
pub(crate) struct ClientRequest {
    pub(crate) parts: http::request::Parts,
    pub(crate) body: Body,
    pub(crate) metadata: Arc<ClientMetadata>,
    /// Where interim responses are written; none if the client's connection
    /// takes none.
    pub(crate) wire: Option<Arc<Wire>>,
    /// The trailers that the client takes.
    pub(crate) takes_trailers: TakesTrailers,
}

/// What is known of a client's request apart from its parts.
#[derive(Debug)]
pub(crate) struct ClientMetadata {
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) local: Option<SocketAddr>,
    /// 32 hexadecimal digits, unique for each request.
    pub(crate) request_id: String,
    pub(crate) original_headers: OriginalHeaders,
    pub(crate) tls: Option<Arc<TlsFacts>>,
    pub(crate) h2_fingerprint: Option<Arc<str>>,
    /// What is known beyond the request; none if nothing is.
    pub(crate) signals: Option<Box<ClientSignals>>,
    /// The request came with one of the service's keys.
    pub(crate) key_is_valid: bool,
    /// Where the request has been before.
    pub(crate) trail: Trail,
}

/// The request's header lines as the client wrote them.
#[derive(Debug)]
pub(crate) enum OriginalHeaders {
    /// The head as it came over an HTTP/1 connection.
    Head(Box<[u8]>),
    /// The names of a request that was parsed elsewhere.
    Names(Vec<http::HeaderName>),
}

impl OriginalHeaders {
    /// Names in case and order, repetitions included.
    pub(crate) fn names(&self) -> Vec<&[u8]> {
        match self {
            Self::Names(names) => names.iter().map(|name| name.as_str().as_bytes()).collect(),
            Self::Head(head) => {
                let mut headers = vec![httparse::EMPTY_HEADER; limits::CLIENT_HEADERS];
                let mut request = httparse::Request::new(&mut headers);
                // The same parser accepted these bytes a moment ago.
                let _ = request.parse(head);
                request
                    .headers
                    .iter()
                    .map(|header| header.name.as_bytes())
                    .collect()
            }
        }
    }
}

/// A client, apart from its request's parts.
pub(super) struct Client {
    pub(super) metadata: Arc<ClientMetadata>,
    pub(super) slot: ResponseSlot,
    pub(super) wire: Option<Arc<Wire>>,
    pub(super) reader: ClientReader,
}

/// What a client takes of an answer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ClientReader {
    /// It asked with HEAD: its answer has no content.
    pub(crate) head: bool,
    pub(crate) takes_trailers: TakesTrailers,
}

/// The client's side of a session.
pub(crate) struct Downstream {
    request: RequestHandle,
    body: BodyHandle,
    metadata: Arc<ClientMetadata>,
    /// What was known of the clients before.
    earlier: VecDeque<(RequestHandle, Arc<ClientMetadata>)>,
    pub(crate) slot: ResponseSlot,
    wire: Option<Arc<Wire>>,
    reader: ClientReader,
}

impl Downstream {
    /// The client whose request is to come with the first [`Downstream::turn`].
    pub(super) fn awaiting(metadata: Arc<ClientMetadata>) -> Self {
        Self {
            request: RequestHandle::invalid(),
            body: BodyHandle::invalid(),
            metadata,
            earlier: VecDeque::new(),
            slot: ResponseSlot(None),
            wire: None,
            reader: ClientReader::default(),
        }
    }

    /// From now on the client is this one, whose request's parts are kept
    /// under `handles`. What is known of the clients before stays known, up to
    /// a limit.
    pub(super) fn turn(&mut self, handles: (RequestHandle, BodyHandle), client: Client) {
        let before = std::mem::replace(&mut self.metadata, client.metadata);
        if self.request.number() != INVALID {
            if self.earlier.len() >= limits::CLIENTS_KNOWN {
                self.earlier.pop_front();
            }
            self.earlier.push_back((self.request, before));
        }
        (self.request, self.body) = handles;
        self.slot = client.slot;
        self.wire = client.wire;
        self.reader = client.reader;
    }

    /// What the client takes.
    pub(crate) fn reader(&self) -> ClientReader {
        self.reader
    }

    /// The client's connection, if it takes interim responses.
    pub(crate) fn interim_wire(&self) -> Option<&Wire> {
        self.wire.as_deref()
    }

    /// The handles of the request being answered, the same on every call.
    pub(crate) fn handles(&self) -> (RequestHandle, BodyHandle) {
        (self.request, self.body)
    }

    /// What is known of the request that came under `handle`. Stays after the
    /// request was sent or closed; a request made by the guest has none.
    pub(crate) fn metadata(&self, handle: RequestHandle) -> Result<&ClientMetadata> {
        if handle.number() == self.request.number() {
            return Ok(&self.metadata);
        }
        self.earlier
            .iter()
            .find(|(request, _)| request.number() == handle.number())
            .map(|(_, metadata)| &**metadata)
            .ok_or(Error::Unspecified("the request did not come from a client"))
    }

    /// What is known of the request being answered.
    pub(crate) fn current(&self) -> &ClientMetadata {
        &self.metadata
    }
}

/// The place of the one final response to a client.
#[derive(Debug)]
pub(crate) struct ResponseSlot(Option<oneshot::Sender<http::Response<Body>>>);

impl ResponseSlot {
    /// A slot, and where its response arrives.
    pub(crate) fn new() -> (Self, oneshot::Receiver<http::Response<Body>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Some(sender)), receiver)
    }

    /// True once the response was sent.
    pub(crate) fn is_used(&self) -> bool {
        self.0.is_none()
    }

    /// Returns when nobody waits for the response any more.
    pub(crate) async fn closed(&mut self) {
        match &mut self.0 {
            Some(sender) => sender.closed().await,
            None => std::future::pending().await,
        }
    }

    /// Answers the client.
    pub(crate) fn send(&mut self, response: http::Response<Body>) -> Result<()> {
        let sender = self.0.take().ok_or(Error::AlreadySent)?;
        // A client that is gone cancels its guest: nobody to tell.
        drop(sender.send(response));
        Ok(())
    }

    /// Takes the slot away, for work that answers later.
    pub(crate) fn take(&mut self) -> Result<ResponseSlot> {
        let sender = self.0.take().ok_or(Error::AlreadySent)?;
        Ok(Self(Some(sender)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_clients_stay_known_up_to_the_limit() {
        let nobody = || ClientRequest::nobody().metadata;
        let mut downstream = Downstream::awaiting(nobody());
        let clients = limits::CLIENTS_KNOWN as u32 + 2;
        for number in 0..clients {
            let client = Client {
                metadata: nobody(),
                slot: ResponseSlot::new().0,
                wire: None,
                reader: ClientReader::default(),
            };
            let handles = (RequestHandle::from(number), BodyHandle::from(number));
            downstream.turn(handles, client);
        }
        let is_known = |number| downstream.metadata(RequestHandle::from(number)).is_ok();
        // The present one, and so many before it.
        let known: Vec<u32> = (0..clients).filter(|number| is_known(*number)).collect();
        assert_eq!(known, (1..clients).collect::<Vec<_>>());
    }
}
