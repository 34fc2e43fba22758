//! Services that are replaced while they serve.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fastlike_runtime::{Current, Outcome, ServeOptions};
use http::Response;
use tokio::sync::oneshot;

use crate::harness::{ByHand, H2, Running, Server, Test, Wire, answering, script, soon};

/// A service that answers with `text`.
fn saying(text: &str) -> Test {
    Test::wat(script(&format!(
        "http_resp.new 0
         http_body.new 4
         http_body.write *4 '{text}' 0 8
         http_resp.send_downstream *0 *4 0"
    )))
}

/// Tells when the service is freed that has it.
struct Freed(oneshot::Receiver<()>);

impl Freed {
    fn with(test: Test) -> (Self, Test) {
        let (kept, freed) = oneshot::channel::<()>();
        let test = test.with(|builder| {
            builder.secure_requests(move |_, _| {
                let _ = &kept;
                false
            })
        });
        (Self(freed), test)
    }

    fn not_yet(&mut self) -> bool {
        matches!(self.0.try_recv(), Err(oneshot::error::TryRecvError::Empty))
    }

    async fn soon(self) {
        drop(soon("the end of a service", self.0).await);
    }
}

async fn serve(current: &Current) -> Server {
    Server::start(current.clone(), ServeOptions::new()).await
}

/// What one more request on a connection that stays open is answered.
async fn ask(wire: &mut Wire) -> String {
    wire.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let head = wire.read_head().await;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|length| length.parse().ok());
    wire.read(length.unwrap_or_else(|| panic!("{head}"))).await
}

#[tokio::test]
async fn the_next_request_sees_the_new_service_also_on_an_open_connection() {
    let (freed, first) = Freed::with(saying("first"));
    let current = Current::new(first.start().await.fastlike);
    let server = serve(&current).await;
    let mut wire = server.connect().await;
    let h2 = H2::connect(&server).await;
    assert_eq!(ask(&mut wire).await, "first");
    assert_eq!(h2.get("http://a/").await.1, "first");
    drop(current.replace(saying("second").start().await.fastlike));
    assert_eq!(ask(&mut wire).await, "second");
    assert_eq!(h2.get("http://a/").await.1, "second");
    assert_eq!(ask(&mut server.connect().await).await, "second");
    // Connections keep nothing of it.
    freed.soon().await;
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_runs_ends_on_its_service_which_is_freed_with_it() {
    let (origin, backend) = ByHand::new();
    let (mut freed, first) = Freed::with(Test::guest("proxy").backend("origin", backend));
    let Running { fastlike, seen } = first.start().await;
    let current = Current::new(fastlike);
    let server = serve(&current).await;
    let mut slow = server.connect().await;
    slow.write("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await;
    let asked = origin.asked().await;
    drop(current.replace(saying("second").start().await.fastlike));
    assert_eq!(ask(&mut server.connect().await).await, "second");
    assert!(freed.not_yet());
    asked.answer(Response::new("the first one's origin"));
    let answer = slow.read_to_end().await;
    assert!(answer.contains("the first one's origin"), "{answer}");
    assert_eq!(seen.report().await.outcome, Outcome::Finished);
    freed.soon().await;
}

#[tokio::test]
async fn sandboxes_that_wait_for_another_request_end_with_their_service() {
    let reusing = || {
        Test::guest("http_downstream_next_request")
            .backend("origin", answering(|_| Response::new("origin's")))
    };
    let (freed, first) = Freed::with(reusing());
    let first = first.start().await;
    let current = Current::new(first.fastlike.clone());
    for number in ["1", "2"] {
        assert_eq!(first.get("/").await.line("request"), number);
        first.seen.report().await;
    }
    let Running { fastlike, seen } = first;
    drop(fastlike);
    let second = reusing().start().await;
    drop(current.replace(second.fastlike.clone()));
    freed.soon().await;
    // It was told, and said goodbye.
    assert_eq!(seen.stdout_lines(), ["no more after / /"]);

    // A service that comes back has sandboxes wait again.
    let third = saying("third").start().await;
    let second_again = current.replace(third.fastlike);
    drop(current.replace(second_again));
    for number in ["1", "2"] {
        assert_eq!(second.get("/").await.line("request"), number);
        second.seen.report().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_replacements_under_load_fail_no_request() {
    const CLIENTS: usize = 16;
    const RELOADS: usize = 20;
    let version = |number: usize| saying(&format!("version {number:03}")).start();
    let current = Current::new(version(0).await.fastlike);
    let server = serve(&current).await;
    let (now, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut wire = server.connect().await;
        let (now, answered) = (Arc::clone(&now), Arc::clone(&answered));
        clients.push(tokio::spawn(async move {
            loop {
                let least = now.load(Ordering::SeqCst);
                let answer = ask(&mut wire).await;
                let number = answer.strip_prefix("version ").and_then(|n| n.parse().ok());
                let number: usize = number.unwrap_or_else(|| panic!("{answer}"));
                assert!(number >= least, "{answer} after version {least}");
                answered.fetch_add(1, Ordering::SeqCst);
                if number == RELOADS {
                    return;
                }
            }
        }));
    }
    for number in 1..=RELOADS {
        let (freed, next) = Freed::with(saying(&format!("version {number:03}")));
        let before = answered.load(Ordering::SeqCst);
        let next = next.start().await.fastlike;
        drop(current.replace(next));
        now.store(number, Ordering::SeqCst);
        if number < RELOADS {
            // Every version answers under load.
            while answered.load(Ordering::SeqCst) < before + CLIENTS {
                tokio::task::yield_now().await;
            }
        }
        drop(freed);
    }
    for client in clients {
        soon("the last version", client).await.expect("no failure");
    }
}
