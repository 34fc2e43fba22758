//! Every form of sending a request, and of waiting for its answer.

use fastlike_runtime::{Backend, Outcome, SendError};
use http::{Response, StatusCode};

use crate::harness::{Test, answering, failing, request, script};

/// The lines that send, up to the answer's handles at 8 and 12, or to a
/// pending request's at 40.
const SENDS: [(&str, &str); 3] = [
    ("send", "S: http_req.send *0 *4 'origin' 8 12"),
    ("send_v2", "S: http_req.send_v2 *0 *4 'origin' 64 8 12"),
    ("send_v3", "S: http_req.send_v3 *0 *4 'origin' 64 8 12"),
];

const ASYNC_SENDS: [(&str, &str); 5] = [
    ("send_async", "http_req.send_async *0 *4 'origin' 40"),
    (
        "send_async_v2",
        "http_req.send_async_v2 *0 *4 'origin' 0 40",
    ),
    (
        "send_async_v2 streaming",
        "http_req.send_async_v2 *0 *4 'origin' 1 40
        http_body.write *4 ' more' 0 16
        http_body.close *4",
    ),
    (
        "send_async_v2 with 2, which is not 1",
        "http_req.send_async_v2 *0 *4 'origin' 2 40
        3: http_body.write *4 ' more' 0 16",
    ),
    (
        "send_async_streaming",
        "http_req.send_async_streaming *0 *4 'origin' 40
        http_body.write *4 ' more' 0 16
        http_body.close *4",
    ),
];

/// `S` is the status of the answer.
const WAITS: [(&str, &str); 6] = [
    ("wait", "S: http_req.pending_req_wait *40 8 12"),
    ("wait_v2", "S: http_req.pending_req_wait_v2 *40 64 8 12"),
    (
        "poll",
        "async_io.select 40 1 0 16
        S: http_req.pending_req_poll *40 16 8 12
        D: @16 == 1",
    ),
    (
        "poll_v2",
        "async_io.select 40 1 0 16
        S: http_req.pending_req_poll_v2 *40 64 16 8 12
        D: @16 == 1",
    ),
    (
        "select",
        "http_req.pending_req_select 40 1 16 8 12\n@16 == 0",
    ),
    (
        "select_v2",
        "http_req.pending_req_select_v2 40 1 64 16 8 12\n@16 == 0",
    ),
];

const REQUEST: &str = "http_req.new 0
    http_req.method_set *0 'POST'
    http_req.uri_set *0 'http://origin.example/'
    http_body.new 4
    http_body.write *4 'content' 0 16\n";

/// Every way from a request to its answer.
fn ways() -> Vec<(String, String)> {
    let mut ways = Vec::new();
    for (name, send) in SENDS {
        ways.push((name.to_owned(), send.to_owned()));
    }
    for (send, sending) in ASYNC_SENDS {
        for (wait, waiting) in WAITS {
            ways.push((format!("{send}, {wait}"), format!("{sending}\n{waiting}")));
        }
    }
    ways
}

fn with_status(lines: &str, status: u32) -> String {
    let lines =
        lines
            .lines()
            .map(str::trim)
            .filter_map(|line| match (line.strip_prefix("D: "), status) {
                (Some(line), 0) => Some(line.to_owned()),
                (Some(_), _) => None,
                (None, _) => Some(line.replace("S:", &format!("{status}:"))),
            });
    lines.collect::<Vec<_>>().join("\n")
}

async fn run(lines: &str, backend: impl Backend) -> (StatusCode, String) {
    let service = Test::wat(script(lines))
        .backend("origin", backend)
        .start()
        .await;
    let answer = service.get("/").await;
    (answer.status, answer.text().to_owned())
}

#[tokio::test]
async fn every_way_leads_to_the_answer_and_uses_its_handles_up() {
    for (name, lines) in ways() {
        let origin = fastlike_runtime::backend_fn(|request| async move {
            let content = crate::harness::text_of(request.into_body()).await;
            let response = Response::builder().status(201).header("x-origin", "yes");
            response.body(content.expect("whole")).expect("valid")
        });
        let more = if name.contains("streaming") {
            " more"
        } else {
            ""
        };
        let used = if lines.contains("*40") {
            "3: http_req.pending_req_wait *40 20 24"
        } else {
            ""
        };
        let lines = format!(
            "{REQUEST}{}
            3: http_req.close *0
            3: http_body.close *4
            {used}
            http_resp.status_get *8 16
            http_resp.header_value_get *8 'x-origin' 64 10 16
            @64 == 'yes'
            http_resp.send_downstream *8 *12 0",
            with_status(&lines, 0)
        );
        let (status, text) = run(&lines, origin).await;
        assert_eq!(
            (status.as_u16(), text),
            (201, format!("content{more}")),
            "{name}"
        );
    }
}

#[tokio::test]
async fn every_way_leads_to_the_failure_and_uses_its_handles_up() {
    for (name, lines) in ways() {
        // Nobody takes what is written.
        let lines = lines.replace(
            "http_body.write *4 ' more'",
            "1: http_body.write *4 ' more'",
        );
        let lines = lines.replace("3: 1: ", "3: ");
        // A winner that failed is no failure of a select.
        let select = name.contains("select");
        let handles = if select { "@8 == -2\n@12 == -2\n" } else { "" };
        let lines = format!(
            "{REQUEST}{}
            {handles}3: http_req.close *0
            3: http_body.close *4",
            with_status(&lines, if select { 0 } else { 1 })
        );
        let service = Test::wat(script(&lines))
            .backend("origin", failing(SendError::Unavailable))
            .start()
            .await;
        service.get("/").await;
        let outcome = service.seen.report().await.outcome;
        assert_eq!(outcome, Outcome::Finished, "{name}");
    }
}

/// The record's bytes after a failure, of 24 that were 0xaa but for the tag
/// and the guest's mask.
async fn record(call: &str, mask: u32, error: SendError) -> Vec<u8> {
    let setup = format!(
        "(memory.fill (i32.const 64) (i32.const 0xaa) (i32.const 24))
        (i32.store (i32.const 64) (i32.const 0))
        (i32.store (i32.const 68) (i32.const {mask}))"
    );
    let lines = format!(
        "{REQUEST}{call}
        http_resp.new 44
        http_body.new 48
        http_body.write *48 64 24 0 16
        http_resp.send_downstream *44 *48 0"
    );
    let guest = script(&lines).replace(
        "(func (export \"_start\")",
        &format!("(func (export \"_start\") {setup}"),
    );
    let service = Test::wat(guest)
        .backend("origin", failing(error))
        .start()
        .await;
    service.get("/").await.body.to_vec()
}

/// What the record has to hold.
fn expected(mask: u32, fields: &[(usize, &[u8])], tag: u32, filled: u32) -> Vec<u8> {
    let mut record = vec![0xaa; 24];
    record[..4].copy_from_slice(&tag.to_le_bytes());
    record[4..8].copy_from_slice(&(filled & mask).to_le_bytes());
    if filled & mask != 0 {
        for (at, bytes) in fields {
            record[*at..at + bytes.len()].copy_from_slice(bytes);
        }
    }
    record
}

#[tokio::test]
async fn the_record_of_a_failure_is_written_as_far_as_the_guest_has_it() {
    let calls = [
        "1: http_req.send_v2 *0 *4 'origin' 64 8 12",
        "1: http_req.send_v3 *0 *4 'origin' 64 8 12",
        "http_req.send_async *0 *4 'origin' 40
        1: http_req.pending_req_wait_v2 *40 64 8 12",
        "http_req.send_async *0 *4 'origin' 40
        async_io.select 40 1 0 16
        1: http_req.pending_req_poll_v2 *40 64 16 8 12",
        "http_req.send_async_v2 *0 *4 'origin' 0 40
        http_req.pending_req_select_v2 40 1 64 16 8 12",
    ];
    for call in calls {
        // Old and new SDKs, and JavaScript's record of 8 bytes.
        for mask in [0x1f, 0x0f, 0x0e, 0] {
            let dns = SendError::Dns {
                rcode: Some(3),
                message: String::new(),
            };
            assert_eq!(
                record(call, mask, dns).await,
                expected(mask, &[(8, &[3, 0])], 3, 2),
                "{call} with mask {mask:#x}"
            );
        }
        let alert = SendError::TlsAlert {
            id: 40,
            name: "handshake failure".into(),
        };
        assert_eq!(
            record(call, 0x1f, alert).await,
            expected(0x1f, &[(12, &[40])], 23, 8),
            "{call}"
        );
        let refused = SendError::Unavailable;
        assert_eq!(
            record(call, 0x1f, refused).await,
            expected(0x1f, &[], 5, 0),
            "{call}"
        );
    }
}

#[tokio::test]
async fn after_a_success_the_record_is_as_it_was() {
    for call in [
        "http_req.send_v2 *0 *4 'origin' 64 8 12",
        "http_req.send_v3 *0 *4 'origin' 64 8 12",
        "http_req.send_async *0 *4 'origin' 40
        http_req.pending_req_wait_v2 *40 64 8 12",
        "http_req.send_async *0 *4 'origin' 40
        http_req.pending_req_select_v2 40 1 64 16 8 12",
    ] {
        let lines = format!("{REQUEST}{call}\n@64 == 0\n@68 == 0\n@72 == 0");
        let (status, text) = run(&lines, answering(|_| Response::new(""))).await;
        assert_eq!((status, text.as_str()), (StatusCode::OK, ""), "{call}");
    }
}

/// A forwarded answer to HEAD, and one that says that nothing has changed,
/// keep the length of the content that they are about.
#[tokio::test]
async fn a_forwarded_answer_without_content_keeps_its_length() {
    const FORWARD: &str = "http_req.new 0
        http_req.uri_set *0 'http://origin.example/'
        http_body.new 4
        http_req.send_async *0 *4 'origin' 40
        http_resp.send_downstream_pending *40";
    for (method, status) in [("HEAD", 200), ("GET", 304)] {
        let origin = answering(move |_| {
            let response = Response::builder().status(status);
            response
                .header("content-length", "1234")
                .body(())
                .expect("valid")
        });
        let service = Test::wat(script(FORWARD))
            .backend("origin", origin)
            .start()
            .await;
        let answer = service.send(request(method, "/", "")).await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.header("content-length"), "1234", "{method}");
    }
}
