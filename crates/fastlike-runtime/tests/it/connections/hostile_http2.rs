//! HTTP/2 clients that break the rules: the server closes their connections
//! or streams, bounded in what it keeps, and goes on for all others.

use std::time::Duration;

use fastlike_runtime::Outcome;
use http::Response;

use crate::harness::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, GOAWAY, HEADERS, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame, literal,
};
use crate::harness::{ByHand, H2, RawH2, Server, Test};

const SHORT: Duration = Duration::from_millis(500);

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

/// The limits that the listener names in its settings.
const STREAMS: u32 = 128;
const HEADER_LIST: u32 = 256 * 1024;
const STREAM_WINDOW: u32 = 128 * 1024;

const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_HEADER_LIST_SIZE: u16 = 6;

async fn hello() -> Server {
    Test::guest("hello").start().await.serve().await
}

async fn still_serves(server: &Server) {
    assert_eq!(H2::connect(server).await.get("http://a/").await.1, "hello");
}

fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, GET)
}

/// The code with which the server ends the connection.
async fn goaway(client: &mut RawH2) -> Option<u32> {
    let mut code = None;
    while let Some(frame) = client.next().await {
        if frame.kind == GOAWAY {
            code = Some(frame.number(4));
        }
    }
    code
}

#[tokio::test]
async fn the_settings_name_the_limits() {
    let server = hello().await;
    for (setting, value) in [
        (MAX_CONCURRENT_STREAMS, STREAMS),
        (MAX_HEADER_LIST_SIZE, HEADER_LIST),
        (INITIAL_WINDOW_SIZE, STREAM_WINDOW),
    ] {
        let mut client = RawH2::connect(&server, &[]).await;
        assert_eq!(client.setting(setting).await, Some(value));
    }
}

#[tokio::test]
async fn streams_that_are_reset_as_fast_as_they_begin_end_the_connection() {
    let server = hello().await;
    let mut client = RawH2::connect(&server, &[]).await;
    let cancel = CANCEL.to_be_bytes();
    let burst: Vec<u8> = (0..2_000)
        .flat_map(|n| [get(2 * n + 1), frame(RST_STREAM, 0, 2 * n + 1, &cancel)].concat())
        .collect();
    client.write(&burst).await;
    assert_eq!(goaway(&mut client).await, Some(ENHANCE_YOUR_CALM));
    still_serves(&server).await;
}

#[tokio::test]
async fn headers_that_never_end_end_the_connection() {
    let server = hello().await;
    let mut client = RawH2::connect(&server, &[]).await;
    client.write(&frame(HEADERS, END_STREAM, 1, GET)).await;
    let field = literal("x", "y");
    let mut sent = 0;
    while sent < 100_000 && client.write(&frame(CONTINUATION, 0, 1, &field)).await {
        sent += 1;
    }
    assert!(sent < 100_000, "{sent} frames were taken");
    still_serves(&server).await;
}

#[tokio::test]
async fn headers_that_come_slowly_end_the_connection() {
    let test = Test::guest("hello").limits(|limits| limits.client_idle_timeout = SHORT);
    let server = test.start().await.serve().await;
    let mut client = RawH2::connect(&server, &[]).await;
    client.write(&frame(HEADERS, END_STREAM, 1, GET)).await;
    client.rest().await;
}

/// A request with one header as large as the list may be, less `under`.
fn large_head(under: usize) -> Vec<u8> {
    // Each field counts 32 more (RFC 9113 section 6.5.2).
    let pseudo = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "a"),
    ];
    let pseudo: usize = pseudo.iter().map(|(n, v)| n.len() + v.len() + 32).sum();
    let limit = usize::try_from(HEADER_LIST).expect("a size");
    let value = "y".repeat(limit - pseudo - 33 - under);
    let block = [GET, &literal("x", &value)].concat();
    let mut frames = Vec::new();
    let pieces: Vec<&[u8]> = block.chunks(16 * 1024).collect();
    for (at, piece) in pieces.iter().enumerate() {
        let last = at + 1 == pieces.len();
        let ends = if last { END_HEADERS } else { 0 };
        frames.extend(match at {
            0 => frame(HEADERS, END_STREAM | ends, 1, piece),
            _ => frame(CONTINUATION, ends, 1, piece),
        });
    }
    frames
}

/// The first field of a response's headers: a status of the static table or
/// a literal.
async fn answered(client: &mut RawH2) -> Option<Vec<u8>> {
    Some(client.next_of(HEADERS).await?.payload)
}

#[tokio::test]
async fn a_header_list_is_as_large_as_the_limit_and_not_larger() {
    const OK: u8 = 0x88;
    let server = hello().await;
    for (under, passes) in [(64, true), (1, true)] {
        let mut client = RawH2::connect(&server, &[]).await;
        client.write(&large_head(under)).await;
        let answer = answered(&mut client).await;
        assert_eq!(
            answer.is_some_and(|answer| answer[0] == OK),
            passes,
            "{under}"
        );
    }
    let mut client = RawH2::connect(&server, &[]).await;
    let mut block = GET.to_vec();
    for _ in 0..40 {
        block.extend(literal("x", &"y".repeat(8_000)));
    }
    let mut frames = Vec::new();
    let pieces: Vec<&[u8]> = block.chunks(16 * 1024).collect();
    for (at, piece) in pieces.iter().enumerate() {
        let ends = if at + 1 == pieces.len() {
            END_HEADERS
        } else {
            0
        };
        frames.extend(match at {
            0 => frame(HEADERS, END_STREAM | ends, 1, piece),
            _ => frame(CONTINUATION, ends, 1, piece),
        });
    }
    client.write(&frames).await;
    let answer = answered(&mut client).await;
    assert!(answer.is_none_or(|answer| answer[0] != OK));
    still_serves(&server).await;
}

#[tokio::test]
async fn a_bomb_of_references_to_one_header_is_refused() {
    let server = hello().await;
    let mut client = RawH2::connect(&server, &[]).await;
    // A field of 4,000 bytes enters the table, and 16,000 bytes name it.
    let mut field = literal("x", &"y".repeat(3_900));
    field[0] = 0x40;
    let first = [GET, &field].concat();
    client.write(&frame(HEADERS, END_STREAM, 1, &first)).await;
    let again = vec![0xbe; 16_000];
    client
        .write(&frame(CONTINUATION, END_HEADERS, 1, &again))
        .await;
    let answer = answered(&mut client).await;
    assert!(answer.is_none_or(|answer| answer[0] != 0x88));
    still_serves(&server).await;
}

#[tokio::test]
async fn ten_thousand_headers_are_refused() {
    const OK: u8 = 0x88;
    let server = hello().await;
    for (count, passes) in [(256, true), (257, false), (10_000, false)] {
        let mut client = RawH2::connect(&server, &[]).await;
        let fields: Vec<u8> = (0..count).flat_map(|_| literal("x", "")).collect();
        client.write(&frame(HEADERS, END_STREAM, 1, GET)).await;
        let mut pieces = fields.chunks(16 * 1024).peekable();
        while let Some(piece) = pieces.next() {
            let ends = if pieces.peek().is_none() {
                END_HEADERS
            } else {
                0
            };
            client.write(&frame(CONTINUATION, ends, 1, piece)).await;
        }
        let answer = answered(&mut client).await;
        assert_eq!(
            answer.is_some_and(|answer| answer[0] == OK),
            passes,
            "{count}"
        );
    }
    still_serves(&server).await;
}

#[tokio::test]
async fn one_stream_more_than_allowed_is_refused() {
    let (origin, backend) = ByHand::new();
    let service = Test::guest("proxy")
        .backend("origin", backend)
        .start()
        .await;
    let server = service.serve().await;
    let mut client = RawH2::connect(&server, &[]).await;
    let mut asked = Vec::new();
    for n in 0..STREAMS {
        client.write(&get(2 * n + 1)).await;
    }
    for _ in 0..STREAMS {
        asked.push(origin.asked().await);
    }
    client.write(&get(2 * STREAMS + 1)).await;
    let reset = client.next_of(RST_STREAM).await.expect("a reset");
    assert_eq!(
        (reset.stream, reset.number(0)),
        (2 * STREAMS + 1, REFUSED_STREAM)
    );
    for asked in asked {
        assert!(asked.answer(Response::new("an answer")), "still wanted");
    }
}

#[tokio::test]
async fn streams_that_break_the_rules_again_and_again_end_the_connection() {
    let server = hello().await;
    let mut client = RawH2::connect(&server, &[]).await;
    // Each is answered by a reset: its window is made to overflow.
    let overflow = 0x7fff_ffffu32.to_be_bytes();
    for n in 0..200 {
        let broken = [
            frame(HEADERS, END_HEADERS, 2 * n + 1, b"\x83\x86\x84\x41\x01a"),
            frame(WINDOW_UPDATE, 0, 2 * n + 1, &overflow),
        ];
        if !client.write(&broken.concat()).await {
            break;
        }
    }
    assert_eq!(goaway(&mut client).await, Some(ENHANCE_YOUR_CALM));
    still_serves(&server).await;
}

#[tokio::test]
async fn a_client_that_opens_no_window_has_its_stream_reset() {
    let test =
        Test::guest("http_body_large").limits(|limits| limits.client_idle_timeout = 6 * SHORT);
    let service = test.start().await;
    let server = service.serve().await;
    let mut client = RawH2::connect(&server, &[(INITIAL_WINDOW_SIZE, 0)]).await;
    let block = [&b"\x82\x86\x41\x01a\x04\x05/make"[..]].concat();
    client
        .write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block))
        .await;
    // None from a server that was held up until the whole connection is over.
    if let Some(reset) = client.next_of(RST_STREAM).await {
        assert_eq!((reset.stream, reset.number(0)), (1, CANCEL));
    }
    assert_eq!(service.seen.report().await.outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn a_window_that_grows_by_nothing_or_too_much_is_an_error() {
    let server = hello().await;
    for (increment, code) in [(0u32, PROTOCOL_ERROR), (0x7fff_ffff, FLOW_CONTROL_ERROR)] {
        let mut client = RawH2::connect(&server, &[]).await;
        client
            .write(&frame(WINDOW_UPDATE, 0, 0, &increment.to_be_bytes()))
            .await;
        assert_eq!(goaway(&mut client).await, Some(code), "{increment}");
    }
    let mut client = RawH2::connect(&server, &[(INITIAL_WINDOW_SIZE, u32::MAX)]).await;
    let code = goaway(&mut client).await;
    assert!(
        [Some(FLOW_CONTROL_ERROR), Some(PROTOCOL_ERROR)].contains(&code),
        "{code:?}"
    );
    still_serves(&server).await;
}

#[tokio::test]
async fn a_body_past_the_window_ends_the_connection_or_the_stream() {
    let (origin, backend) = ByHand::new();
    let service = Test::guest("proxy")
        .backend("origin", backend)
        .start()
        .await;
    let server = service.serve().await;
    let mut client = RawH2::connect(&server, &[]).await;
    let post = b"\x83\x86\x84\x41\x01a";
    client.write(&frame(HEADERS, END_HEADERS, 1, post)).await;
    // The origin does not read what the guest sends on.
    let asked = origin.asked().await;
    let piece = vec![0; 16 * 1024];
    let mut pieces = 0;
    let most = 4 * STREAM_WINDOW / (16 * 1024);
    while pieces < most && client.write(&frame(DATA, 0, 1, &piece)).await {
        pieces += 1;
    }
    let broken = loop {
        match client.next().await {
            Some(frame) if frame.kind == RST_STREAM => break Some(frame.number(0)),
            Some(frame) if frame.kind == GOAWAY => break Some(frame.number(4)),
            Some(_) => {}
            None => break None,
        }
    };
    assert_eq!(broken, Some(FLOW_CONTROL_ERROR));
    drop(asked);
}

#[tokio::test]
async fn frames_that_make_no_sense_end_the_connection() {
    let server = hello().await;
    for nonsense in [
        // A push, data without a stream, an even stream, a frame too large.
        frame(5, END_HEADERS, 1, &[0, 0, 0, 2]),
        frame(DATA, 0, 1, b"data"),
        get(2),
        frame(DATA, 0, 0, b"data"),
        frame(SETTINGS, 0, 0, &[0; 5]),
        frame(CONTINUATION, END_HEADERS, 1, GET),
        vec![0xff; 64],
    ] {
        let mut client = RawH2::connect(&server, &[]).await;
        client.write(&nonsense).await;
        let code = goaway(&mut client).await;
        assert!(code.is_none_or(|code| code != 0), "{nonsense:?}");
    }
    still_serves(&server).await;
}

#[tokio::test]
async fn a_client_that_is_gone_without_a_word_is_noticed() {
    let (origin, backend) = ByHand::new();
    let test = Test::guest("proxy").backend("origin", backend);
    let test = test.limits(|limits| limits.client_idle_timeout = SHORT);
    let service = test.start().await;
    let server = service.serve().await;
    let mut client = RawH2::connect(&server, &[]).await;
    client.write(&get(1)).await;
    // It answers no ping from now on.
    let mut asked = origin.asked().await;
    asked.given_up().await;
    assert_eq!(service.seen.report().await.outcome, Outcome::Cancelled);
    drop(client);
}
