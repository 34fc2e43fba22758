//! `[local_server.limits]`: what requests may use. The section is fastlike's
//! own.

use std::time::Duration;

use super::problem::Log;
use super::raw::{Item, Section};
use crate::limits::Limits;

/// A mebibyte, the unit of memory here.
const MIB: u64 = 1024 * 1024;

type Setting<T> = (&'static str, fn(&mut Limits) -> &mut T);

/// Zero ends all.
const TIMES: &[Setting<Duration>] = &[
    ("cpu_ms", |limits| &mut limits.cpu),
    ("wall_ms", |limits| &mut limits.wall),
    ("admission_wait_ms", |limits| &mut limits.admission_wait),
    ("handshake_timeout_ms", |limits| {
        &mut limits.handshake_timeout
    }),
    ("header_read_timeout_ms", |limits| {
        &mut limits.header_read_timeout
    }),
    ("client_idle_timeout_ms", |limits| {
        &mut limits.client_idle_timeout
    }),
    ("reuse_wait_ms", |limits| &mut limits.reuse_wait),
    ("reuse_age_ms", |limits| &mut limits.reuse_age),
];

/// Zero has a meaning.
const TIMES_OR_ZERO: &[Setting<Duration>] = &[
    ("tunnel_idle_timeout_ms", |limits| {
        &mut limits.tunnel_idle_timeout
    }),
    ("drain_ms", |limits| &mut limits.drain),
];

const MEMORY: &[Setting<u64>] = &[
    ("heap_mib", |limits| &mut limits.heap),
    ("body_memory_mib", |limits| &mut limits.body_memory),
];

const COUNTS: &[Setting<usize>] = &[
    ("max_sandboxes", |limits| &mut limits.max_sandboxes),
    ("pool_slots", |limits| &mut limits.pool_slots),
];

const COUNTS_OR_ZERO: &[Setting<usize>] = &[
    ("parked_sandboxes", |limits| &mut limits.parked_sandboxes),
    ("max_tunnels", |limits| &mut limits.max_tunnels),
];

/// The largest `heap_mib`: all that 32 bits can address.
const MOST_HEAP_MIB: u64 = 4_096;

/// More sandboxes than a machine runs.
const MOST_COUNT: u64 = 1_000_000;

/// About a year: no limit any more, and a time that can be reckoned with.
const MOST_MILLIS: u64 = 366 * 24 * 3_600 * 1_000;

pub(super) fn read(local: &mut Section<'_>, log: &mut Log) -> Limits {
    let mut limits = Limits::default();
    let Some(mut section) = local.section("limits", log) else {
        return limits;
    };
    for (times, least) in [(TIMES, 1), (TIMES_OR_ZERO, 0)] {
        for (key, field) in times {
            if let Some(millis) = within(section.take(key), least, MOST_MILLIS, log) {
                *field(&mut limits) = Duration::from_millis(millis);
            }
        }
    }
    for (key, field) in MEMORY {
        if let Some(mib) = within(section.take(key), 1, MOST_HEAP_MIB, log) {
            *field(&mut limits) = mib.saturating_mul(MIB);
        }
    }
    for (counts, least) in [(COUNTS, 1), (COUNTS_OR_ZERO, 0)] {
        for (key, field) in counts {
            if let Some(count) = within(section.take(key), least, MOST_COUNT, log) {
                *field(&mut limits) = usize::try_from(count).unwrap_or(usize::MAX);
            }
        }
    }
    if let Some(count) = within(section.take("reuse_requests"), 0, MOST_COUNT, log) {
        limits.reuse_requests = u32::try_from(count).unwrap_or(u32::MAX);
    }
    section.finish(log);
    limits
}

fn within(item: Option<Item<'_>>, least: u64, most: u64, log: &mut Log) -> Option<u64> {
    let item = item?;
    let number = item.integer(log)?;
    if (least..=most).contains(&number) {
        return Some(number);
    }
    log.error(item.problem(format!("{number} is not from {least} to {most}")));
    None
}
