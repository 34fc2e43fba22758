//! Nothing that a guest passes to any function may trap the guest or harm the
//! host: the answer is a status, or the guest still waits.

use std::fmt::Write;
use std::sync::Arc;

use fastlike_runtime::{Backend, Body, Outcome};
use http::{Request, Response};

use crate::harness::wat::{Import, signatures};
use crate::harness::{Running, Test, answering, client};

/// The beginning and the end of a page and of all numbers, and what is
/// neither a handle, nor aligned, nor the value of any enum, nor a bit of any mask.
const HOSTILE: [i64; 8] = [0, 1, 3, 65_535, 65_536, 1 << 20, 0x7fff_ffff, -1];

/// A function may still be waiting: for something that never comes, and for
/// up to 49 days.
const WAITING: [(&str, &str); 4] = [
    ("fastly_async_io", "select"),
    ("fastly_http_downstream", "next_request_wait"),
    ("wasi_snapshot_preview1", "poll_oneoff"),
    ("wasi_snapshot_preview1", "fd_read"),
];

/// Arguments that make sense as far as one can tell from a signature: a
/// handle that exists, then places and lengths of a text of 8 bytes. Bodies 0
/// and 1 are the client's and a write end, 2 is a pending request.
fn sensible(handle: i64, arity: usize) -> Vec<i64> {
    let mut arguments = vec![8; arity];
    if let Some(first) = arguments.first_mut() {
        *first = handle;
    }
    arguments
}

/// What one function is called with.
fn vectors(arity: usize) -> Vec<Vec<i64>> {
    let mut vectors: Vec<Vec<i64>> = HOSTILE.iter().map(|value| vec![*value; arity]).collect();
    let sensible = [0, 1, 2, 8].map(|handle| sensible(handle, arity));
    for base in sensible.into_iter().chain([vec![0; arity]]) {
        for position in 0..arity {
            for value in HOSTILE {
                let mut vector = base.clone();
                vector[position] = value;
                vectors.push(vector);
            }
        }
    }
    vectors.sort_unstable();
    vectors.dedup();
    vectors
}

/// The exit code of a guest that was told a number which is no status.
const NO_STATUS: u32 = 1_000;

/// A guest that reads from its client's body which of `imports` to call, and
/// with what. Before, it makes one of each kind of thing that has a handle.
fn caller(imports: &[Import]) -> String {
    let mut text = String::from("(module\n");
    for import in signatures() {
        text.push_str(&import.declaration());
    }
    text.push_str(
        r#"(memory (export "memory") 1)
        (data (i32.const 8) "aaaaaaaa")
        (func (export "_start")
            (drop (call $fastly_http_req.body_downstream_get (i32.const 32) (i32.const 36)))
            (drop (call $fastly_http_body.read (i32.const 0) (i32.const 4096) (i32.const 136) (i32.const 32)))
            (drop (call $fastly_http_req.new (i32.const 32)))
            (drop (call $fastly_http_resp.new (i32.const 32)))
            (drop (call $fastly_http_body.new (i32.const 32)))
            (drop (call $fastly_http_req.send_async_streaming (i32.const 1) (i32.const 1) (i32.const 8) (i32.const 8) (i32.const 32)))
            (drop (call $fastly_config_store.open (i32.const 8) (i32.const 8) (i32.const 32)))
            (drop (call $fastly_dictionary.open (i32.const 8) (i32.const 8) (i32.const 32)))
            (drop (call $fastly_secret_store.open (i32.const 8) (i32.const 8) (i32.const 32)))
            (drop (call $fastly_secret_store.get (i32.const 0) (i32.const 8) (i32.const 8) (i32.const 32)))
            (drop (call $fastly_acl.open (i32.const 8) (i32.const 8) (i32.const 32)))
            (drop (call $fastly_log.endpoint_get (i32.const 8) (i32.const 8) (i32.const 32)))
            (call_indirect (i32.load (i32.const 4096))))
        "#,
    );
    let mut names = String::new();
    for (index, import) in imports.iter().enumerate() {
        let loads = import.params.iter().enumerate();
        let loads = loads.map(|(at, ty)| format!("({ty}.load (i32.const {}))", 4104 + 8 * at));
        let loads: String = loads.collect();
        let call = format!("(call ${}.{} {loads})", import.module, import.name);
        let statuses = if import.kind == "wasi-p1" { 77 } else { 15 };
        write!(
            text,
            "(func $call-{index} (local i32)
                (local.set 0 {call})
                (if (i32.ge_u (local.get 0) (i32.const {statuses})) (then
                    (call $wasi_snapshot_preview1.proc_exit (i32.const {NO_STATUS})))))\n"
        )
        .expect("text grows");
        write!(names, " $call-{index}").expect("text grows");
    }
    write!(text, "(table funcref (elem{names})))").expect("text grows");
    text
}

async fn serving(imports: &[Import]) -> Running {
    let origin: Arc<dyn Backend> = Arc::new(answering(|_| Response::new("an answer")));
    Test::wat(caller(imports))
        .config_store("aaaaaaaa", &[("aaaaaaaa", "value")])
        .with(|builder| builder.secret_store("aaaaaaaa", [("aaaaaaaa", "value")]))
        .with(|builder| builder.acl("aaaaaaaa", []))
        .with(|builder| builder.fallback_backend(move |_| Some(Arc::clone(&origin))))
        .limits(|limits| limits.pool_slots = 1)
        .start()
        .await
}

async fn called(service: &Running, function: usize, vector: &[i64]) -> Outcome {
    let mut arguments = [0_i64; 16];
    arguments[0] = i64::try_from(function).expect("small");
    for (place, argument) in arguments[1..].iter_mut().zip(vector) {
        *place = *argument;
    }
    let mut body: Vec<u8> = arguments
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    body.resize(136, 0);
    body.extend_from_slice(b"the rest of the body");
    let request = Request::post("http://a/")
        .body(Body::from(body))
        .expect("a request");
    let fastlike = service.fastlike.clone();
    // On a task of its own: a panic is a finding, not the end of the test.
    let run = tokio::spawn(async move { drop(fastlike.handle(request, &client()).await) });
    match run.await {
        Ok(()) => service.seen.report().await.outcome,
        Err(error) => Outcome::NotStarted(format!("the host: {error}")),
    }
}

fn is_fine(outcome: &Outcome, may_wait: bool) -> bool {
    *outcome == Outcome::Finished || (may_wait && *outcome == Outcome::WallLimit)
}

async fn check(mine: impl Fn(&Import) -> bool) {
    let imports: Vec<Import> = signatures()
        .into_iter()
        .filter(|i| mine(i) && i.name != "proc_exit")
        .collect();
    assert!(!imports.is_empty());
    let service = serving(&imports).await;
    let mut findings = Vec::new();
    for (index, import) in imports.iter().enumerate() {
        let may_wait = WAITING.contains(&(import.module, import.name));
        for vector in vectors(import.params.len()) {
            let outcome = called(&service, index, &vector).await;
            if !is_fine(&outcome, may_wait) {
                findings.push(format!(
                    "{}::{}{vector:?}: {outcome:?}",
                    import.module, import.name
                ));
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

#[tokio::test(start_paused = true)]
async fn requests() {
    check(|import| import.module == "fastly_http_req").await;
}

#[tokio::test(start_paused = true)]
async fn messages_and_clients() {
    check(|import| {
        [
            "fastly_http_resp",
            "fastly_http_body",
            "fastly_http_downstream",
            "fastly_async_io",
        ]
        .contains(&import.module)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn everything_else() {
    check(|import| {
        import.kind == "core"
            && ![
                "fastly_http_req",
                "fastly_http_resp",
                "fastly_http_body",
                "fastly_http_downstream",
                "fastly_async_io",
            ]
            .contains(&import.module)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn old_names() {
    check(|import| import.kind == "legacy").await;
}

#[tokio::test(start_paused = true)]
async fn wasi() {
    check(|import| import.kind == "wasi-p1").await;
}

/// The test tests: what is to be called is called, with the arguments it shall have.
#[tokio::test(start_paused = true)]
async fn the_calls_are_made() {
    let is_write = |import: &Import| (import.module, import.name) == ("fastly_log", "write");
    let imports: Vec<Import> = signatures().into_iter().filter(is_write).collect();
    let service = serving(&imports).await;
    assert_eq!(called(&service, 0, &[0, 8, 8, 8]).await, Outcome::Finished);
    assert_eq!(
        service.seen.logged(),
        [("aaaaaaaa".to_owned(), b"aaaaaaaa".to_vec())]
    );
    assert!(
        matches!(called(&service, 1, &[]).await, Outcome::Trapped(_)),
        "there is no second one"
    );
}
