//! `fastly_compute_runtime`: what the run has used, and which products are on.

mod witx;

use crate::products::Products;
use crate::session::Session;

/// CPU time of the guest so far, in milliseconds.
pub(crate) fn vcpu_ms(session: &Session) -> u64 {
    u64::try_from(session.meter.cpu_so_far().as_millis()).unwrap_or(u64::MAX)
}

/// Linear memory of the guest in MiB, rounded up.
pub(crate) fn heap_mib(session: &Session) -> u32 {
    u32::try_from(session.meter.heap().div_ceil(1024 * 1024)).unwrap_or(u32::MAX)
}

/// What the service says it has.
pub(crate) fn products(session: &Session) -> Products {
    session.world.products
}
