//! The limits of HTTP/2 connections, each at the limit and one past it.

use std::convert::Infallible;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;
use crate::client::{PREFACE, Reader};

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

/// `GET http://a/`.
const GET: &[u8] = b"\x82\x86\x84\x41\x01a";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head[..], &stream.to_be_bytes(), payload].concat()
}

/// A connection whose requests `body` answers; `room` bytes are on their way.
fn connect(room: usize, body: impl Fn() -> Body + Send + Sync + 'static) -> DuplexStream {
    let (client, server) = duplex(room);
    let streams = Streams::new(Duration::from_secs(60));
    let http = builder(&streams, &Limits::default());
    let body = Arc::new(body);
    let service = service_fn(move |_: http::Request<Incoming>| {
        let response = Response::new(body());
        streams.call::<_, Infallible>(async move { response })
    });
    detach(http.serve_connection(TokioIo::new(server), service));
    client
}

/// The frames that come until nothing more does: kind, stream, payload.
async fn frames(client: &mut DuplexStream) -> Vec<(u8, u32, Vec<u8>)> {
    let mut bytes = Vec::new();
    let second = Duration::from_secs(1);
    while let Ok(Ok(1..)) = tokio::time::timeout(second, client.read_buf(&mut bytes)).await {}
    let (mut reader, mut frames) = (Reader(&bytes), Vec::new());
    while let Some(length) = reader.u24() {
        let kind = reader.u8().expect("a kind");
        let (_, stream) = (reader.u8(), reader.u32().expect("a stream"));
        let payload = reader.take(length).expect("a payload").to_vec();
        frames.push((kind, stream, payload));
    }
    frames
}

async fn send(client: &mut DuplexStream, settings: &[u8], frames: &[u8]) {
    let first = [PREFACE, &frame(SETTINGS, 0, 0, settings), frames].concat();
    client.write_all(&first).await.expect("sent");
}

#[tokio::test(start_paused = true)]
async fn clients_are_told_the_limits() {
    let mut client = connect(1 << 20, Body::empty);
    send(&mut client, &[], &[]).await;
    let frames = frames(&mut client).await;
    let (_, _, settings) = &frames[0];
    let value = |id: u16| {
        let mut pairs = settings
            .chunks(6)
            .filter(|pair| pair[..2] == id.to_be_bytes());
        Reader(&pairs.next().expect("a setting")[2..]).u32()
    };
    assert_eq!(value(3), Some(limits::H2_STREAMS));
    assert_eq!(value(4), Some(limits::H2_STREAM_WINDOW));
    assert_eq!(value(6), Some(limits::H2_HEADER_LIST));
    let grown = frames.iter().find(|frame| frame.0 == WINDOW_UPDATE);
    let increment = Reader(&grown.expect("a window").2).u32();
    // What every connection begins with (RFC 9113 section 6.9.2) is not told.
    assert_eq!(increment, Some(limits::H2_CONNECTION_WINDOW - 65_535));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_holds_so_much_of_a_response() {
    let given = Arc::new(AtomicUsize::new(0));
    let endless = {
        let given = Arc::clone(&given);
        move || {
            let given = Arc::clone(&given);
            let pieces = futures_util::stream::repeat_with(move || {
                given.fetch_add(1_000, Ordering::Relaxed);
                Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[7; 1_000])))
            });
            Body::wrap(http_body_util::StreamBody::new(pieces))
        }
    };
    let mut client = connect(1_000, endless);
    let most = 0x7fff_ffffu32.to_be_bytes();
    let request = [
        frame(WINDOW_UPDATE, 0, 0, &0x7fff_0000u32.to_be_bytes()),
        frame(HEADERS, 5, 1, GET),
    ];
    send(
        &mut client,
        &[&[0, 4][..], &most].concat(),
        &request.concat(),
    )
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let held = given.load(Ordering::Relaxed);
    assert!(held >= limits::H2_SEND_BUFFER, "{held}");
    assert!(
        held <= limits::H2_SEND_BUFFER + 2 * limits::H2_PIECE,
        "{held}"
    );
}

async fn ends(burst: Vec<u8>) -> bool {
    let mut client = connect(1 << 20, || Body::from("hello"));
    send(&mut client, &[], &burst).await;
    frames(&mut client)
        .await
        .iter()
        .any(|frame| frame.0 == GOAWAY)
}

#[tokio::test(start_paused = true)]
async fn so_many_streams_may_be_reset_before_they_begin() {
    let burst = |count: usize| {
        let streams = (0..u32::try_from(count).expect("few")).map(|n| 2 * n + 1);
        let reset = |stream| {
            let begun = frame(HEADERS, 5, stream, GET);
            [begun, frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
        };
        streams.flat_map(reset).collect::<Vec<u8>>()
    };
    assert!(!ends(burst(limits::H2_PENDING_RESETS)).await);
    assert!(ends(burst(limits::H2_PENDING_RESETS + 1)).await);
}

#[tokio::test(start_paused = true)]
async fn so_many_streams_may_break_the_rules() {
    let burst = |count: usize| {
        let streams = (0..u32::try_from(count).expect("few")).map(|n| 2 * n + 1);
        // A window that grows too much is an error of its stream.
        let broken = |stream| {
            let begun = frame(HEADERS, 4, stream, b"\x83\x86\x84\x41\x01a");
            [
                begun,
                frame(WINDOW_UPDATE, 0, stream, &[0x7f, 255, 255, 255]),
            ]
            .concat()
        };
        streams.flat_map(broken).collect::<Vec<u8>>()
    };
    assert!(!ends(burst(limits::H2_LOCAL_RESETS)).await);
    assert!(ends(burst(limits::H2_LOCAL_RESETS + 1)).await);
}

#[tokio::test]
async fn pieces_are_as_long_as_the_limit_and_not_longer() {
    use http_body::Body as _;
    use http_body_util::BodyExt as _;

    let mut paced = Paced {
        body: Body::from(vec![7; limits::H2_PIECE * 2 + 1]),
        rest: Bytes::new(),
        pace: Arc::default(),
    };
    let mut lengths = Vec::new();
    while let Some(frame) = paced.frame().await {
        let left = paced.size_hint().exact();
        let data = frame.expect("data").into_data().expect("data");
        lengths.push((data.len(), left));
    }
    let piece = limits::H2_PIECE;
    let left = [Some(piece as u64 + 1), Some(1), Some(0)];
    let expected = [piece, piece, 1].into_iter().zip(left).collect::<Vec<_>>();
    assert_eq!(lengths, expected);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_client_takes_nothing_and_not_while_the_guest_is_slow() {
    let idle = Duration::from_secs(10);
    let streams = Streams::new(idle);
    let watched = |with_client: bool| Watched {
        stream: Box::pin(std::future::pending::<()>()),
        pace: Arc::new(Pace {
            with_client: AtomicBool::new(with_client),
            ..Pace::default()
        }),
        seen: 0,
        clock: IdleClock::new(idle),
        streams: streams.clone(),
    };
    streams.0.running.store(2, Ordering::Relaxed);
    let waits = tokio::time::timeout(idle * 3, watched(false)).await;
    assert!(waits.is_err(), "the client has nothing to take");
    let waits = tokio::time::timeout(idle * 3, watched(true)).await;
    assert!(waits.is_ok(), "the client has had its time");
    assert_eq!(streams.0.running.load(Ordering::Relaxed), 0);
    streams.idle().await;
}
