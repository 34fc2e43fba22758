//! A body moves no faster than its reader reads, and little of it is held meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use fastlike_runtime::{Body, BodyError, Outcome};
use http::Response;
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::harness::{ByHand, Test, frame, get, http2, request, soon, wat};

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

const PIECE: usize = 16 * 1024;

/// As [`endless`], in small pieces, each a moment after the one before.
fn trickling() -> (Arc<AtomicUsize>, Body) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let mut is_there = true;
    let stream = futures_util::stream::poll_fn(move |cx| {
        is_there = !is_there;
        if !is_there {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        counter.fetch_add(PIECE, Ordering::SeqCst);
        let piece = Frame::data(vec![b'x'; PIECE].into());
        Poll::Ready(Some(Ok::<_, BodyError>(piece)))
    });
    (taken, Body::wrap(StreamBody::new(stream)))
}

/// A listener, and a client's connection to it of which the kernel holds little.
async fn narrow() -> (TcpListener, TcpStream) {
    let socket = || {
        let socket = TcpSocket::new_v4().expect("a socket");
        let size = 64 * 1024;
        socket.set_send_buffer_size(size).expect("a TCP option");
        socket.set_recv_buffer_size(size).expect("a TCP option");
        socket
    };
    let listening = socket();
    let any = "127.0.0.1:0".parse().expect("an address");
    listening.bind(any).expect("a free port");
    let listener = listening.listen(8).expect("bound");
    let address = listener.local_addr().expect("bound");
    let client = socket().connect(address).await.expect("listening");
    (listener, client)
}

/// How many bytes the kernel holds of such a connection.
async fn kernels_part() -> usize {
    let (listener, _client) = narrow().await;
    let (stream, _) = listener.accept().await.expect("the client");
    let mut held = 0;
    let piece = [0; PIECE];
    while tokio::time::timeout(Duration::from_secs(1), stream.writable())
        .await
        .is_ok()
    {
        held += stream.try_write(&piece).unwrap_or(0);
    }
    held
}

/// `GET /` over HTTP/2, of whose answer any number of bytes may come.
fn unbounded_http2() -> Vec<u8> {
    let window = [&[0, 4][..], &0x7fff_ffffu32.to_be_bytes()].concat();
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        http2::frame(http2::SETTINGS, 0, 0, &window),
        http2::frame(http2::WINDOW_UPDATE, 0, 0, &0x7fff_0000u32.to_be_bytes()),
        http2::frame(
            http2::HEADERS,
            http2::END_HEADERS | http2::END_STREAM,
            1,
            http2::GET,
        ),
    ]
    .concat()
}

/// Of a body whose pieces come one by one, `pieces` at most are held for a
/// client that does not read, besides what the kernel holds, which is not the
/// same each time.
async fn holds_at_most(pieces: usize, asking: &[u8]) {
    let most = kernels_part().await + (pieces + 4) * PIECE;
    let (origin, backend) = ByHand::new();
    let service = Test::guest("proxy")
        .backend("origin", backend)
        .start()
        .await;
    let (listener, mut client) = narrow().await;
    let fastlike = service.fastlike.clone();
    tokio::spawn(async move { fastlike.serve(listener, std::future::pending()).await });
    client.write_all(asking).await.expect("written");
    let (taken, body) = trickling();
    origin.asked().await.answer(Response::new(body));
    soon("the first piece", async {
        while taken.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let held = taken_until_it_stalls(&taken).await;
    assert!(held <= most, "{held} bytes are held, not {most}");
    // It goes on as the client does, and is held up again.
    let mut read = vec![0; 64 * PIECE];
    let reading = client.read_exact(&mut read);
    soon("more of the body", reading).await.expect("bytes");
    let taken = taken_until_it_stalls(&taken).await;
    let more = taken - read.len();
    assert!(more <= most, "{more} bytes are held, not {most}");
}

#[tokio::test]
async fn little_of_a_body_is_held_until_its_client_reads() {
    holds_at_most(4, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
}

#[tokio::test]
async fn little_of_a_body_is_held_until_its_http_2_client_reads() {
    // Of these, a stream has four and its connection one.
    holds_at_most(8, &unbounded_http2()).await;
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
