//! The client: its request's metadata and the one answer it gets.

use std::net::SocketAddr;
use std::sync::Arc;

use fastlike_abi::handle::Handle;
use fastlike_abi::types::{BodyHandle, RequestHandle};
use tokio::sync::oneshot;

use crate::error::{Error, Result};
use crate::http::Body;
use crate::limits;

/// A client's request on its way into a sandbox.
pub(crate) struct ClientRequest {
    pub(crate) parts: http::request::Parts,
    pub(crate) body: Body,
    pub(crate) metadata: Arc<ClientMetadata>,
}

/// What is known of a client's request apart from its parts.
#[derive(Debug)]
pub(crate) struct ClientMetadata {
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) local: Option<SocketAddr>,
    /// 32 hexadecimal digits, unique for each request.
    pub(crate) request_id: String,
    pub(crate) original_headers: OriginalHeaders,
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

/// The client's side of a session.
pub(crate) struct Downstream {
    request: RequestHandle,
    body: BodyHandle,
    metadata: Arc<ClientMetadata>,
    pub(crate) slot: ResponseSlot,
    head: bool,
}

impl Downstream {
    pub(crate) fn new(
        request: RequestHandle,
        body: BodyHandle,
        metadata: Arc<ClientMetadata>,
        slot: ResponseSlot,
        head: bool,
    ) -> Self {
        Self {
            request,
            body,
            metadata,
            slot,
            head,
        }
    }

    /// True if the client asked with HEAD: its answer has no content.
    pub(crate) fn is_head(&self) -> bool {
        self.head
    }

    /// The handles of the request being answered, the same on every call.
    pub(crate) fn handles(&self) -> (RequestHandle, BodyHandle) {
        (self.request, self.body)
    }

    /// What is known of the request that came under `handle`. Stays after the
    /// request was sent or closed; a request made by the guest has none.
    pub(crate) fn metadata(&self, handle: RequestHandle) -> Result<&ClientMetadata> {
        if handle.number() == self.request.number() {
            Ok(&self.metadata)
        } else {
            Err(Error::Unspecified("the request did not come from a client"))
        }
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
