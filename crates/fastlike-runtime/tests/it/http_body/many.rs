//! Many slow streams at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use fastlike_runtime::{Body, backend_fn};
use http::Response;
use http_body::Frame;
use http_body_util::StreamBody;

use super::back_pressure::taken_until_it_stalls;
use crate::harness::{Test, frame, get, script, wat};

const STREAMS: usize = 1_000;
const CHUNK: usize = 16 * 1024;

/// An endless body, and how much of it was taken, all such bodies together.
fn counted(taken: &Arc<AtomicUsize>) -> Body {
    let taken = Arc::clone(taken);
    Body::wrap(StreamBody::new(futures_util::stream::repeat_with(
        move || {
            taken.fetch_add(CHUNK, Ordering::Relaxed);
            Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(vec![b'x'; CHUNK])))
        },
    )))
}

/// Bytes of this process in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = status
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("a number") * 4096
}

/// What each of many streams through `guest` holds when nobody reads on: of
/// what was taken from the origin, and of this process's memory.
async fn held(guest: String) -> (usize, usize) {
    let taken = Arc::new(AtomicUsize::new(0));
    let service = Test::wat(guest)
        .limits(|limits| {
            limits.max_sandboxes = STREAMS + 1;
            limits.pool_slots = 8;
        })
        .backend(
            "origin",
            backend_fn({
                let taken = Arc::clone(&taken);
                move |_| {
                    let body = counted(&taken);
                    async move { Response::new(body) }
                }
            }),
        )
        .start()
        .await;
    // The first one costs what is not each stream's.
    let first = service.begin(get("/")).await;
    let before = resident();
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let mut body = service.begin(get("/")).await.into_body();
        frame(&mut body).await.expect("more").expect("data");
        streams.push(body);
    }
    let taken = taken_until_it_stalls(&taken).await;
    let resident = resident().saturating_sub(before);
    drop(first);
    (taken / STREAMS, resident / STREAMS)
}

const SEND: &str = "http_req.new 0
    http_req.uri_set *0 'http://origin.example/'
    http_body.new 4
    http_req.send *0 *4 'origin' 0 4
    http_resp.new 8\n";

#[tokio::test]
async fn a_thousand_streams_that_pass_by_their_guests_hold_a_chunk_each() {
    let guest = script(&format!("{SEND}http_resp.send_downstream *8 *4 0"));
    let (taken, resident) = held(guest).await;
    tracing::info!("{taken} bytes taken and {resident} bytes resident of each stream");
    assert!(taken <= 3 * CHUNK, "{taken} bytes taken");
    assert!(resident < 64 * 1024, "{resident} bytes resident");
}

#[tokio::test]
async fn a_thousand_streams_through_their_guests_hold_a_few_chunks_each() {
    // Copies in pieces of 16 KiB, for ever.
    let start = "
        (call $must (call $fastly_http_req.new (i32.const 0)))
        (call $must (call $fastly_http_req.uri_set (i32.load (i32.const 0)) (i32.const 64) (i32.const 9)))
        (call $must (call $fastly_http_body.new (i32.const 4)))
        (call $must (call $fastly_http_req.send (i32.load (i32.const 0)) (i32.load (i32.const 4))
            (i32.const 80) (i32.const 6) (i32.const 8) (i32.const 12)))
        (call $must (call $fastly_http_resp.new (i32.const 0)))
        (call $must (call $fastly_http_body.new (i32.const 4)))
        (call $must (call $fastly_http_resp.send_downstream (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 1)))
        (loop $again
            (call $must (call $fastly_http_body.read (i32.load (i32.const 12)) (i32.const 1024) (i32.const 16384) (i32.const 16)))
            (call $must (call $fastly_http_body.write (i32.load (i32.const 4)) (i32.const 1024) (i32.load (i32.const 16)) (i32.const 0) (i32.const 20)))
            (br $again))";
    let data = "(data (i32.const 64) \"http://a/\") (data (i32.const 80) \"origin\")";
    let (taken, resident) = held(wat::program(data, start)).await;
    tracing::info!("{taken} bytes taken and {resident} bytes resident of each stream");
    assert!(taken <= 12 * CHUNK, "{taken} bytes taken");
    // The guest's memory, and its stack, are in this.
    assert!(resident < 1024 * 1024, "{resident} bytes resident");
}
