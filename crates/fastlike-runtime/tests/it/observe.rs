//! What is told of each request.

use std::sync::Arc;
use std::time::Duration;

use fastlike_runtime::{
    BackendReport, ConnInfo, Fastlike, Observer, Outcome, RequestReport, backend_fn,
};
use http::{Method, StatusCode};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::harness::{Test, closed_port, get, guest_file, origin_at, request, soon};

#[tokio::test]
async fn a_report_has_the_requests_head_its_answers_status_and_its_cost() {
    let service = Test::guest("http_resp_streaming").start().await;
    service
        .send(request("PUT", "/secret?chunks=1&pause=50", ""))
        .await;
    let report = service.seen.report().await;
    assert_eq!(
        (report.method, report.path.as_str()),
        (Method::PUT, "/secret")
    );
    assert_eq!(report.status, Some(StatusCode::PARTIAL_CONTENT));
    assert_eq!(report.outcome, Outcome::Finished);
    assert!(
        report.wall >= Duration::from_millis(50),
        "{:?}",
        report.wall
    );
    assert!(
        report.cpu > Duration::ZERO && report.cpu < report.wall,
        "{:?}",
        report.cpu
    );
    assert!(
        (1 << 20..64 << 20).contains(&report.heap_peak),
        "{}",
        report.heap_peak
    );
}

/// Writes down what it is told.
#[derive(Clone, Default)]
struct Told {
    lines: Arc<Mutex<Vec<String>>>,
    /// A request is over.
    over: Arc<Notify>,
}

impl Observer for Told {
    fn request(&self, report: &RequestReport) {
        self.lines
            .lock()
            .push(format!("request {:?}", report.status));
        self.over.notify_one();
    }

    fn backend_request(&self, report: &BackendReport<'_>) {
        let result = report.result.map_err(|error| error.kind());
        let (name, dynamic) = (report.backend, report.dynamic);
        self.lines
            .lock()
            .push(format!("{name} {dynamic} {result:?}"));
    }
}

async fn told_by(backend: impl fastlike_runtime::Backend) -> Vec<String> {
    let (one, two) = (Told::default(), Told::default());
    let fastlike = Fastlike::builder(guest_file("proxy"))
        .backend("origin", backend)
        .observer((one.clone(), two.clone()))
        .build()
        .await
        .expect("a service");
    fastlike.handle(get("/"), &ConnInfo::default()).await;
    // The last to be told; the program may go on after its answer.
    soon("the end of the request", two.over.notified()).await;
    let told = one.lines.lock().clone();
    assert_eq!(told, *two.lines.lock(), "both are told the same");
    told
}

#[tokio::test]
async fn backends_are_told_of_by_what_they_answered_or_how_they_failed() {
    let teapot = backend_fn(|_| async {
        let response = http::Response::builder().status(418);
        response.body("short and stout").expect("a response")
    });
    let told = told_by(teapot).await;
    assert_eq!(told, ["origin false Ok(418)", "request Some(418)"]);

    let (address, _closed) = closed_port();
    let nobody = origin_at(&format!("http://{address}"));
    let told = told_by(nobody).await;
    let expected = [
        "origin false Err(\"connection_refused\")",
        "request Some(500)",
    ];
    assert_eq!(told, expected);
}
