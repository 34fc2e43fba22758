//! Every kind of body appended to every other.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::Response;

use crate::harness::{Running, Test, answering, channel, request, script};

/// A kind of body: what it holds, and the lines that put its handle at the
/// address `P`. Other addresses are its own, too.
struct Kind {
    name: &'static str,
    content: &'static str,
    lines: &'static str,
}

const SEND: &str = "http_req.new 0
    http_req.uri_set *0 'http://origin.example/'
    http_body.new 4\n";

const KINDS: [Kind; 6] = [
    Kind {
        name: "bytes",
        content: "bytes.",
        lines: "http_body.new P
            http_body.write *P 'tes.' 0 8
            http_body.write *P 'by' 1 8",
    },
    Kind {
        name: "empty",
        content: "",
        lines: "http_body.new P",
    },
    Kind {
        name: "client",
        content: "client.",
        lines: "http_req.body_downstream_get 0 P",
    },
    Kind {
        name: "origin",
        content: "origin.",
        lines: "http_req.send *0 *4 'plain' 8 P",
    },
    Kind {
        name: "half read",
        content: "gin.",
        lines: "http_req.send *0 *4 'plain' 8 P
            http_body.read *P 64 3 8
            @8 == 3",
    },
    Kind {
        name: "decompressed",
        content: "unpacked.",
        lines: "http_req.auto_decompress_response_set *0 1
            http_req.send *0 *4 'gzip' 8 P",
    },
];

/// Something that one cannot append, but append to.
const WRITE_END: Kind = Kind {
    name: "write end",
    content: "written.",
    lines: "http_resp.new 200
        http_body.new P
        http_body.write *P 'writ' 0 8
        http_resp.send_downstream *200 *P 1
        http_body.write *P 'ten.' 0 8",
};

fn at(kind: &Kind, place: &str) -> String {
    let send = if kind.lines.contains("http_req.send ") {
        SEND
    } else {
        ""
    };
    format!("{send}{}\n", kind.lines.replace('P', place))
}

async fn serving(guest: &str) -> Running {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(b"unpacked.").expect("to memory");
    let gzip = gzip.finish().expect("to memory");
    // Chunk by chunk, as over a slow connection.
    let slowly = |bytes: Vec<u8>| {
        let (sender, body) = channel();
        for byte in bytes.chunks(3) {
            sender.send(byte.to_vec());
        }
        body
    };
    let test = Test::wat(script(guest))
        .backend(
            "plain",
            answering(move |_| Response::new(slowly(b"origin.".to_vec()))),
        )
        .backend(
            "gzip",
            answering(move |_| {
                let response = Response::builder().header("content-encoding", "gzip");
                response.body(slowly(gzip.clone())).expect("valid")
            }),
        );
    test.start().await
}

#[tokio::test]
async fn every_kind_of_body_can_be_appended_to_every_other() {
    for dest in KINDS.iter().chain([&WRITE_END]) {
        for src in &KINDS {
            if dest.name == "client" && src.name == "client" {
                continue;
            }
            let end = if dest.name == "write end" {
                "http_body.close *100"
            } else {
                "http_resp.new 200
                http_resp.send_downstream *200 *100 0"
            };
            let guest = format!(
                "{}{}http_body.append *100 *104
                3: http_body.close *104
                http_body.write *100 'end' 0 8
                {end}",
                at(dest, "100"),
                at(src, "104")
            );
            let service = serving(&guest).await;
            let answer = service.send(request("POST", "/", "client.")).await;
            assert_eq!(
                answer.ok(),
                format!("{}{}end", dest.content, src.content),
                "{} to {}",
                src.name,
                dest.name
            );
        }
    }
}

#[tokio::test]
async fn a_write_end_and_a_body_itself_cannot_be_appended() {
    let guest = format!(
        "{}http_body.new 104
        3: http_body.append *104 *100      ; a write end cannot be read
        http_body.close *100
        3: http_body.append *104 *104      ; nor goes a body into itself
        3: http_body.close *104            ; and it is gone",
        at(&WRITE_END, "100")
    );
    let service = serving(&guest).await;
    assert_eq!(
        service.send(request("POST", "/", "")).await.ok(),
        "written."
    );
    assert_eq!(
        service.seen.report().await.outcome,
        fastlike_runtime::Outcome::Finished
    );
}
