//! Sandboxes that answer more than one request (ABI facts, section 9).
//!
//! A guest that has answered and waits for its next request is *parked*: its
//! future lies in the service's [`Lot`], and a task of its own polls it for
//! what else it waits for. A new request takes the future out of the lot and
//! polls it where its own connection is polled, just as it would a new
//! sandbox's. So whoever has the future has the sandbox: there is nothing to
//! race for, and a guest that turns out not to take the request gives it back
//! ([`Handoff`]).

mod handoff;
mod lot;
mod rendezvous;

pub(crate) use handoff::{Blocked, Delivery, Handoff};
pub(crate) use lot::{Draining, Lot, Place};
pub(crate) use rendezvous::{Met, meet};
