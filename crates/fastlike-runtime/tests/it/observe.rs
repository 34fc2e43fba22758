//! What is told of each request.

use std::time::Duration;

use fastlike_runtime::Outcome;
use http::{Method, StatusCode};

use crate::harness::{Test, request};

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
