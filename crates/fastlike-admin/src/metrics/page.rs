//! The page that a scrape gets.

use std::sync::atomic::Ordering;

use fastlike_runtime::Fastlike;

use super::Counted;
use super::histogram::{Computing, Histogram, Memory, Snapshot, Waiting};
use super::requests::{self, OUTCOMES, Requests};
use super::sharded::Sharded;
use super::text::{Kind, Page};

pub(super) fn render(counted: &Counted, service: &Fastlike) -> String {
    let mut page = Page::default();
    process(&mut page, counted);
    clients(&mut page, &counted.requests);
    sandboxes(&mut page, service);
    backends(&mut page, counted, service);
    stores(&mut page, service);
    logs(&mut page, service);
    page.finish()
}

fn process(page: &mut Page, counted: &Counted) {
    let version = env!("CARGO_PKG_VERSION");
    page.family(Kind::Gauge, "fastlike_build_info", "The version that runs.")
        .value(&[("version", version)], 1);
    page.family(
        Kind::Gauge,
        "fastlike_start_time_seconds",
        "When counting began, in seconds since 1970.",
    )
    .value(&[], counted.began);
    let mut reloads = page.family(
        Kind::Counter,
        "fastlike_reloads_total",
        "Times that the service was replaced, or was to be.",
    );
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    reloads.value(&[("result", "success")], count(&counted.reloads));
    reloads.value(&[("result", "failure")], count(&counted.failed_reloads));
}

fn clients(page: &mut Page, requests: &Sharded<Requests>) {
    let mut statuses = requests::statuses();
    requests
        .iter()
        .for_each(|shard| shard.add_statuses(&mut statuses));
    let mut family = page.family(
        Kind::Counter,
        "fastlike_requests_total",
        "Requests by the status of their answer; none if the client went away before.",
    );
    for (index, count) in statuses.iter().enumerate() {
        if *count > 0 {
            let status = requests::status(index).to_string();
            family.value(&[("status", &status)], count);
        }
    }
    family.value(&[("status", "none")], requests.sum(Requests::unanswered));

    let mut family = page.family(
        Kind::Counter,
        "fastlike_request_outcomes_total",
        "Requests by how their run ended; refused ones found no sandbox free in time.",
    );
    for (index, name) in OUTCOMES.iter().enumerate() {
        let count = requests.sum(|shard| shard.outcome(index));
        family.value(&[("outcome", name)], count);
    }
    page.family(
        Kind::Counter,
        "fastlike_requests_reused_total",
        "Requests that were answered by a sandbox that had answered others before.",
    )
    .value(&[], requests.sum(Requests::reused));

    let wall = snapshot(requests, |shard| &shard.wall);
    page.family(
        Kind::Histogram,
        "fastlike_request_duration_seconds",
        "Time from a request to the end of its run.",
    )
    .histogram::<Waiting>(&[], &wall);
    let cpu = snapshot(requests, |shard| &shard.cpu);
    page.family(
        Kind::Histogram,
        "fastlike_guest_cpu_seconds",
        "CPU time of the program for one request.",
    )
    .histogram::<Computing>(&[], &cpu);
    let heap = snapshot(requests, |shard| &shard.heap);
    page.family(
        Kind::Histogram,
        "fastlike_guest_heap_bytes",
        "Most linear memory that the program had for one request.",
    )
    .histogram::<Memory>(&[], &heap);
}

fn snapshot(requests: &Sharded<Requests>, of: impl Fn(&Requests) -> &Histogram) -> Snapshot {
    let mut snapshot = Snapshot::default();
    requests
        .iter()
        .for_each(|shard| of(shard).add_to(&mut snapshot));
    snapshot
}

fn sandboxes(page: &mut Page, service: &Fastlike) {
    let now = service.occupancy();
    let mut gauge = |name, help, value: usize| {
        page.family(Kind::Gauge, name, help).value(&[], value);
    };
    gauge(
        "fastlike_sandboxes",
        "Sandboxes that there are, parked ones included.",
        now.sandboxes,
    );
    gauge(
        "fastlike_sandboxes_max",
        "Sandboxes that there may be.",
        now.max_sandboxes,
    );
    gauge(
        "fastlike_sandboxes_parked",
        "Sandboxes that have answered and wait for another request.",
        now.parked,
    );
    gauge(
        "fastlike_pool_slots_in_use",
        "Sandboxes in a warm slot.",
        now.slots,
    );
    gauge(
        "fastlike_pool_slots_max",
        "Warm slots that there are.",
        now.max_slots,
    );
    gauge(
        "fastlike_requests_waiting",
        "Requests that wait for a sandbox.",
        now.waiting,
    );
    gauge(
        "fastlike_draining",
        "1 while the server shuts down.",
        usize::from(now.draining),
    );
}

fn backends(page: &mut Page, counted: &Counted, service: &Fastlike) {
    let all = counted.backends.all();
    let mut family = page.family(
        Kind::Counter,
        "fastlike_backend_responses_total",
        "Responses of backends by the class of their status.",
    );
    for (name, backend) in &all {
        for (class, count) in backend.classes().filter(|(_, count)| *count > 0) {
            family.value(&[("backend", name), ("class", class)], count);
        }
    }
    let mut family = page.family(
        Kind::Counter,
        "fastlike_backend_errors_total",
        "Requests to backends without a response, by the kind of error.",
    );
    for (name, backend) in &all {
        for (kind, count) in backend.errors() {
            family.value(&[("backend", name), ("kind", kind)], count);
        }
    }
    let mut family = page.family(
        Kind::Histogram,
        "fastlike_backend_duration_seconds",
        "Time to the head of a backend's response, or to the error.",
    );
    for (name, backend) in &all {
        let mut snapshot = Snapshot::default();
        backend.time.add_to(&mut snapshot);
        family.histogram::<Waiting>(&[("backend", name)], &snapshot);
    }
    let mut family = page.family(
        Kind::Gauge,
        "fastlike_backend_connections",
        "Open connections to backends, by whether a request uses them.",
    );
    for (name, now) in service.backend_connections() {
        let busy = now.open.saturating_sub(now.idle);
        family.value(&[("backend", &name), ("state", "idle")], now.idle);
        family.value(&[("backend", &name), ("state", "busy")], busy);
    }
}

fn stores(page: &mut Page, service: &Fastlike) {
    let kv = service.state().kv_stores();
    page.family(
        Kind::Gauge,
        "fastlike_kv_stores",
        "KV stores that there are.",
    )
    .value(&[], kv.names().len());
    // A database that cannot be read says so where it is used.
    if let Ok(usage) = kv.usage() {
        let mut gauge = |name, help, value: u64| {
            page.family(Kind::Gauge, name, help).value(&[], value);
        };
        gauge(
            "fastlike_kv_entries",
            "Entries of all KV stores.",
            usage.entries,
        );
        gauge(
            "fastlike_kv_bytes",
            "Bytes that the entries of all KV stores count.",
            usage.bytes,
        );
        gauge(
            "fastlike_kv_bytes_max",
            "Bytes that they may count.",
            usage.max_bytes,
        );
    }
    let mut family = page.family(
        Kind::Gauge,
        "fastlike_store_entries",
        "Entries of config stores, secret stores and access control lists.",
    );
    let config = service.config_stores();
    for name in config.names() {
        let entries = config.get(&name).map_or(0, |store| store.entries().len());
        family.value(&[("kind", "config"), ("store", &name)], entries);
    }
    let secret = service.secret_stores();
    for name in secret.names() {
        let entries = secret.get(&name).map_or(0, |store| store.names().len());
        family.value(&[("kind", "secret"), ("store", &name)], entries);
    }
    let acls = service.acls();
    for name in acls.names() {
        let entries = acls.get(&name).map_or(0, |acl| acl.len());
        family.value(&[("kind", "acl"), ("store", &name)], entries);
    }
}

fn logs(page: &mut Page, service: &Fastlike) {
    let reports = service.log_reports();
    let mut family = page.family(
        Kind::Counter,
        "fastlike_log_lines_total",
        "Lines of log endpoints that have a queue, by what became of them.",
    );
    for report in &reports {
        let endpoint = ("endpoint", report.endpoint.as_str());
        family.value(&[endpoint, ("result", "delivered")], report.delivered);
        family.value(&[endpoint, ("result", "lost")], report.lost);
    }
    let mut family = page.family(
        Kind::Gauge,
        "fastlike_log_lines_waiting",
        "Lines of log endpoints that wait for their delivery.",
    );
    for report in &reports {
        family.value(&[("endpoint", &report.endpoint)], report.waiting);
    }
}
