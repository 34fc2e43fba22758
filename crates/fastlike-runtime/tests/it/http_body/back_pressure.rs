//! A body moves no faster than its reader reads, and little of it is held meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use fastlike_runtime::{Body, BodyError, Outcome};
use http::Response;
use http_body::Frame;
use http_body_util::StreamBody;

use crate::harness::{ByHand, Test, frame, get, request, wat};

/// How much of an endless body was taken when nothing moves any more.
pub(super) async fn taken_until_it_stalls(taken: &AtomicUsize) -> usize {
    let mut last = usize::MAX;
    loop {
        // Long enough that a chunk would have moved on a busy machine.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = taken.load(Ordering::SeqCst);
        if now == last {
            return now;
        }
        last = now;
    }
}

const CHUNK: usize = 64 * 1024;

/// A body without an end that counts the bytes that were taken of it.
fn endless() -> (Arc<AtomicUsize>, Body) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let stream = futures_util::stream::poll_fn(move |_| {
        counter.fetch_add(CHUNK, Ordering::SeqCst);
        let chunk = Frame::data(vec![b'x'; CHUNK].into());
        Poll::Ready(Some(Ok::<_, BodyError>(chunk)))
    });
    (taken, Body::wrap(StreamBody::new(stream)))
}

/// What the sockets between two processes hold, generously.
const SOCKETS: usize = 24 * 1024 * 1024;

#[tokio::test]
async fn a_client_that_does_not_read_slows_down_the_origin_behind_a_guest() {
    let (origin, backend) = ByHand::new();
    let service = Test::guest("proxy")
        .backend("origin", backend)
        .start()
        .await;
    let server = service.serve().await;
    let mut wire = server.connect().await;
    wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (taken, body) = endless();
    origin.asked().await.answer(Response::new(body));
    wire.read_head().await;
    let held = taken_until_it_stalls(&taken).await;
    assert!(
        held < SOCKETS,
        "{held} bytes were taken for a client that reads none"
    );
}

#[tokio::test]
async fn an_origin_that_does_not_read_slows_down_the_client() {
    let (origin, backend) = ByHand::new();
    let service = Test::guest("proxy")
        .backend("origin", backend)
        .start()
        .await;
    let (taken, body) = endless();
    let answered = tokio::spawn(async move { service.send(request("POST", "/", body)).await });
    let mut asked = origin.asked().await;
    assert_eq!(taken.load(Ordering::SeqCst), 0, "nobody has asked for it");
    for _ in 0..10 {
        frame(asked.request.body_mut())
            .await
            .expect("endless")
            .expect("data");
    }
    assert!(taken.load(Ordering::SeqCst) <= 11 * CHUNK);
    asked.answer(Response::new("enough"));
    assert_eq!(answered.await.expect("no panic").ok(), "enough");
}

#[tokio::test]
async fn a_guest_that_streams_waits_for_its_client() {
    // The guest writes chunk after chunk and logs each.
    let data = r#"(data (i32.const 0) "written") (data (i32.const 16) ".")"#;
    let guest = wat::program(
        data,
        r#"(call $must (call $fastly_log.endpoint_get (i32.const 0) (i32.const 7) (i32.const 32)))
        (call $must (call $fastly_http_resp.new (i32.const 36)))
        (call $must (call $fastly_http_body.new (i32.const 40)))
        (call $must (call $fastly_http_resp.send_downstream (i32.load (i32.const 36)) (i32.load (i32.const 40)) (i32.const 1)))
        (loop $again
            (call $must (call $fastly_http_body.write (i32.load (i32.const 40)) (i32.const 1024) (i32.const 16384) (i32.const 0) (i32.const 44)))
            (call $must (call $fastly_log.write (i32.load (i32.const 32)) (i32.const 16) (i32.const 1) (i32.const 48)))
            (br $again))"#,
    );
    let service = Test::wat(guest).start().await;
    let mut response = service.begin(get("/")).await;
    let written = || service.seen.logged().len() * 16 * 1024;
    let settle = async || {
        let mut last = usize::MAX;
        while last != written() {
            last = written();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        last
    };
    let ahead = settle().await;
    assert!((1..=256 * 1024).contains(&ahead), "{ahead} bytes");
    let read = frame(response.body_mut())
        .await
        .expect("more")
        .expect("data")
        .len();
    let now = settle().await;
    assert!(
        now > ahead && now <= ahead + read + 64 * 1024,
        "{ahead}, read {read}, then {now}"
    );
    drop(response);
    assert_eq!(service.seen.report().await.outcome, Outcome::Cancelled);
}
