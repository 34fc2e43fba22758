//! However a guest frames its answers, its client can tell where each one ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::{Server, Test, script};

#[tokio::test]
async fn a_guest_may_frame_its_answer_and_nonsense_is_not_believed() {
    let server = Test::guest("http_resp_framing").start().await.serve().await;
    let framing = async |path: &str| {
        let answer = server
            .exchange(&asking("GET", path, "connection: close\r\n"))
            .await;
        let (head, content) = answer.split_once("\r\n\r\n").expect("a head");
        let framing = head.lines().filter(|line| is_framing(line));
        let framing: Vec<String> = framing.map(str::to_owned).collect();
        (framing.join(", "), content.to_owned())
    };
    let plain = ("content-length: 10".to_owned(), "0123456789".to_owned());
    assert_eq!(framing("/length").await, plain);
    assert_eq!(framing("/none").await, plain);
    assert_eq!(framing("/wrong").await, plain);
    let chunks = "A\r\n0123456789\r\n0\r\n\r\n".to_owned();
    assert_eq!(
        framing("/chunked").await,
        ("transfer-encoding: chunked".to_owned(), chunks)
    );
}

fn is_framing(line: &str) -> bool {
    line.starts_with("content-length") || line.starts_with("transfer-encoding")
}

fn asking(method: &str, path: &str, fields: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: a\r\n{fields}\r\n")
}

/// What comes back for two requests on one connection.
async fn two_answers(server: &Server, method: &str) -> String {
    let last = asking(method, "/", "connection: close\r\n");
    server
        .exchange(&format!("{}{last}", asking(method, "/", "")))
        .await
}

/// Takes one answer from the front, by the rules of RFC 9112 section 6.3, and
/// gives what follows it; nothing follows one that is cut off.
fn after_one<'a>(method: &str, bytes: &'a str) -> Result<&'a str, String> {
    let Some((head, rest)) = bytes.split_once("\r\n\r\n") else {
        return if bytes.is_empty() {
            Ok("")
        } else {
            Err(format!("{bytes:?} is no head"))
        };
    };
    let Some(status) = head.strip_prefix("HTTP/1.1 ") else {
        return Err(format!("{head:?} begins where an answer should end"));
    };
    let no_content = method == "HEAD" || status.starts_with("204") || status.starts_with("304");
    let lengths: Vec<&str> = head
        .lines()
        .filter_map(|line| line.strip_prefix("content-length: "))
        .collect();
    let chunked = head.contains("transfer-encoding: chunked");
    match lengths[..] {
        [_, _, ..] => Err(format!("two lengths: {head:?}")),
        [_] if chunked => Err(format!("framed twice: {head:?}")),
        [length] => {
            let length: usize = length
                .parse()
                .map_err(|_| format!("{length:?} is no number"))?;
            Ok(if no_content {
                rest
            } else {
                rest.get(length..).unwrap_or_default()
            })
        }
        [] if no_content => Ok(rest),
        [] if chunked => Ok(rest.split_once("0\r\n\r\n").map_or("", |(_, rest)| rest)),
        [] => Ok(""),
    }
}

/// What is wrong with the answers to two requests, if anything is.
fn check(method: &str, answers: &str) -> Result<(), String> {
    match after_one(method, after_one(method, answers)?)? {
        "" => Ok(()),
        more => Err(format!("{more:?} after the second answer")),
    }
}

const LENGTHS: [&str; 7] = [
    "",
    "content-length' '5",
    "content-length' '3",
    "content-length' '50",
    "content-length' '0",
    "content-length' 'five",
    "transfer-encoding' 'chunked",
];

const CONTENTS: [&str; 3] = [
    "http_resp.send_downstream *0 *4 0",
    "http_body.write *4 'hello' 0 8
    http_resp.send_downstream *0 *4 0",
    "http_resp.send_downstream *0 *4 1
    http_body.write *4 'hello' 0 8
    http_body.close *4",
];

fn guests() -> Vec<String> {
    let mut guests = Vec::new();
    for status in [200, 204, 205, 304, 404] {
        for mode in [0, 1] {
            for framing in LENGTHS {
                for content in CONTENTS {
                    let header = match framing {
                        "" => String::new(),
                        framing => format!("http_resp.header_insert *0 '{framing}'"),
                    };
                    guests.push(format!(
                        "http_resp.new 0
                        http_body.new 4
                        http_resp.status_set *0 {status}
                        http_resp.framing_headers_mode_set *0 {mode}
                        {header}
                        {content}"
                    ));
                }
            }
        }
    }
    guests
}

#[tokio::test]
async fn no_combination_confuses_a_connection() {
    // A task that panics takes its connection with it, which looks like an end.
    let panics = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&panics);
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        count.fetch_add(1, Ordering::SeqCst);
        others(panic);
    }));
    let mut findings = Vec::new();
    for guest in guests() {
        let server = Test::wat(script(&guest)).start().await.serve().await;
        for method in ["GET", "HEAD"] {
            let answers = two_answers(&server, method).await;
            if let Err(what) = check(method, &answers) {
                findings.push(format!("{method}: {what}\n{guest}"));
            }
            if panics.swap(0, Ordering::SeqCst) > 0 {
                findings.push(format!("{method}: a panic\n{guest}"));
            }
        }
    }
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}
