//! Health checks, and what an origin that fails them is spared.

use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;

use super::*;
use crate::backend::{Health, HealthCheck, OriginError};

const SECOND: Duration = Duration::from_secs(1);

/// An origin whose answers to probes come from the test, and its probes.
struct Checked {
    server: Scripted,
    heads: mpsc::UnboundedReceiver<String>,
    answers: mpsc::UnboundedSender<&'static str>,
}

impl Checked {
    async fn start() -> Self {
        let (head, heads) = mpsc::unbounded_channel();
        let (answers, answer) = mpsc::unbounded_channel::<&'static str>();
        let answer = Arc::new(Mutex::new(answer));
        let server = Scripted::start(move |mut peer, _| {
            let (head, answer) = (head.clone(), Arc::clone(&answer));
            async move {
                let request = peer.head().await;
                if !request.contains("probe") {
                    return peer.say(OK).await;
                }
                let _ = head.send(request);
                if let Some(text) = answer.lock().await.recv().await {
                    peer.say(text).await;
                }
            }
        })
        .await;
        Self {
            server,
            heads,
            answers,
        }
    }

    fn check() -> HealthCheck {
        let mut check = HealthCheck::new("health.example");
        check.path = "/probe?a=b".parse().expect("a path");
        check.interval = 10 * SECOND;
        (check.window, check.threshold, check.initial) = (2, 1, 1);
        check
    }

    fn origin(&self, check: HealthCheck) -> Origin {
        let origin = self.server.origin_at("/below");
        let origin = origin.override_host("www.example").expect("a host");
        origin.health_check(check).expect("within the limits")
    }

    /// The next probe gets this answer.
    async fn probed(&mut self, answer: &'static str) -> String {
        self.answers.send(answer).expect("the server");
        self.heads.recv().await.expect("a probe")
    }
}

const BAD: &str = "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n";

/// Returns when the origin's health is this.
async fn becomes(origin: &Origin, health: Health) {
    while origin.health_now() != health {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_fails_its_probes_is_sent_nothing_until_it_answers_well() {
    let mut server = Checked::start().await;
    let origin = server.origin(Checked::check());
    assert_eq!(origin.health_now(), Health::Unknown, "nobody probes yet");
    origin.start();
    assert_eq!(origin.health_now(), Health::Healthy, "as `initial` says");
    let head = server.probed(BAD).await;
    assert!(head.starts_with("GET /probe?a=b HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nhost: health.example\r\n"), "{head}");
    assert_eq!(fetch(&origin).await, "ok", "one of two was good");

    let start = Instant::now();
    server.probed(BAD).await;
    assert!((9 * SECOND..11 * SECOND).contains(&start.elapsed()));
    becomes(&origin, Health::Unhealthy).await;
    assert_eq!(fault(&origin).await, SendError::Unavailable);

    server.probed(OK).await;
    becomes(&origin, Health::Healthy).await;
    assert_eq!(fetch(&origin).await, "ok");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_late_or_has_another_status_is_bad() {
    let mut server = Checked::start().await;
    let mut check = Checked::check();
    check.expected_status = 204;
    check.method = http::Method::HEAD;
    let origin = server.origin(check);
    origin.start();
    let head = server.probed("HTTP/1.1 204 Fine\r\n\r\n").await;
    assert!(head.starts_with("HEAD /probe"), "{head}");
    server.probed("HTTP/1.1 200 OK\r\n\r\n").await;
    let start = Instant::now();
    // Nobody answers the next one.
    server.heads.recv().await.expect("a probe");
    becomes(&origin, Health::Unhealthy).await;
    assert!((14 * SECOND..16 * SECOND).contains(&start.elapsed()));
}

#[tokio::test(start_paused = true)]
async fn probing_ends_with_the_origin() {
    let mut server = Checked::start().await;
    let origin = server.origin(Checked::check());
    origin.start();
    server.probed(OK).await;
    drop(origin);
    tokio::time::sleep(100 * SECOND).await;
    assert!(server.heads.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_is_not_there_is_unhealthy() {
    let server = Checked::start().await;
    let address = server.server.address;
    drop(server);
    let origin = Origin::new(&format!("http://{address}")).expect("a URL");
    let mut check = Checked::check();
    check.initial = 0;
    let origin = origin.health_check(check).expect("within the limits");
    origin.start();
    assert_eq!(origin.health_now(), Health::Unhealthy);
    assert_eq!(fault(&origin).await, SendError::Unavailable);
}

#[test]
fn what_is_beyond_the_limits_is_refused() {
    let origin = Origin::new("http://a").expect("a URL");
    let error = origin.health_check(HealthCheck::new("")).err();
    assert!(matches!(error, Some(OriginError::HealthCheck(why)) if why.contains("host")));
}
