//! [`Occupancy`]: how busy a service is.

use crate::backend::Connections;
use crate::fastlike::Fastlike;

/// How busy a service is, at one moment.
///
/// Its numbers are read one after the other while requests go on, so they
/// need not fit together exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupancy {
    /// Sandboxes that there are: those that run and those that wait for
    /// another request.
    pub sandboxes: usize,
    /// Sandboxes that there may be.
    pub max_sandboxes: usize,
    /// Sandboxes in a warm slot.
    pub slots: usize,
    /// Warm slots that there are.
    pub max_slots: usize,
    /// Sandboxes that have answered and wait for another request.
    pub parked: usize,
    /// Requests that wait for a sandbox.
    pub waiting: usize,
    /// A server shuts down, or the service was replaced: it answers what it
    /// has, and should not be sent more.
    pub draining: bool,
}

impl Fastlike {
    /// How busy the service is now. Cheap enough to be asked often.
    pub fn occupancy(&self) -> Occupancy {
        let service = self.clone().into_service();
        let (sandboxes, slots) = service.pool.in_use();
        let lot = &service.world.lot;
        Occupancy {
            sandboxes,
            max_sandboxes: service.pool.all_count(),
            slots,
            max_slots: service.pool.slot_count(),
            parked: lot.parked(),
            waiting: lot.queued(),
            draining: lot.is_draining(),
        }
    }

    /// The connections of each backend that has some to count, by name; of
    /// those that the program makes while it runs, nothing is known.
    pub fn backend_connections(&self) -> Vec<(String, Connections)> {
        let mut all = self.clone().into_service().world.backends.connections();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }
}
