//! Messages: bodies, their streams, how they are framed and decoded.
//!
//! Nothing here has heard of a guest or of a handle.

mod body;
mod budget;
mod decompress;
mod framing;
pub(crate) mod hop_by_hop;
mod idle;
mod stream;
mod trailers;
mod tunnel;

pub use body::{Body, BodyError};
pub(crate) use budget::{Budget, Charge, OverBudget};
pub(crate) use decompress::decompress_response;
pub(crate) use framing::{FramingMode, apply as apply_framing, length_in};
pub(crate) use idle::{IdleClock, after, idle_timeout};
pub(crate) use stream::{NotAppended, StreamWriter, Undelivered, channel};
pub(crate) use trailers::{Takes as TakesTrailers, announced as announced_trailers};
pub(crate) use tunnel::relay;
