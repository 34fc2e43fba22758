//! What one service may use: time, and sandboxes at a time.

use std::time::Duration;

use fastlike_runtime::Outcome;
use http::{Response, StatusCode};

use crate::harness::{ByHand, Test, get};

/// tokio's clock stands still and jumps to what is waited for.
#[tokio::test(start_paused = true)]
async fn a_guest_that_waits_for_too_long_is_a_500() {
    let (origin, backend) = ByHand::new();
    let service = Test::guest("proxy")
        .backend("origin", backend)
        .start()
        .await;
    let began = tokio::time::Instant::now();
    let answer = service.get("/").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        answer.text().contains("ran for too long"),
        "{}",
        answer.text()
    );
    assert_eq!(began.elapsed().as_secs(), 120);
    assert_eq!(service.seen.report().await.outcome, Outcome::WallLimit);
    origin.asked().await.given_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_sleeps_for_too_long_is_cut_off_within_its_answer() {
    let service = Test::guest("http_resp_streaming").start().await;
    let answer = service.get("/?chunks=2&size=3&pause=3600000").await;
    assert_eq!(
        (answer.status, answer.text()),
        (StatusCode::PARTIAL_CONTENT, "aaa")
    );
    assert!(answer.truncated);
    assert_eq!(service.seen.report().await.outcome, Outcome::WallLimit);
}

#[tokio::test(start_paused = true)]
async fn past_the_last_sandbox_a_request_waits_and_is_refused_then() {
    let (origin, backend) = ByHand::new();
    let test = Test::guest("proxy").backend("origin", backend);
    let service = test.limits(|limits| limits.max_sandboxes = 2).start().await;
    let get_on_its_own = |path: &'static str| {
        let service = service.clone();
        tokio::spawn(async move { service.get(path).await })
    };
    let busy = [get_on_its_own("/1"), get_on_its_own("/2")];
    let asked = [origin.asked().await, origin.asked().await];

    let began = tokio::time::Instant::now();
    let refused = service.get("/refused").await;
    assert_eq!(began.elapsed(), service.fastlike.limits().admission_wait);
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), "1");
    let report = service.seen.report().await;
    assert_eq!(
        (report.path.as_str(), report.outcome),
        ("/refused", Outcome::Refused)
    );

    // Another one waits, and gets the place of the first that ends.
    let third = get_on_its_own("/3");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let [one, two] = asked;
    one.answer(Response::new("one"));
    origin.asked().await.answer(Response::new("three"));
    two.answer(Response::new("two"));
    assert_eq!(third.await.expect("no panic").ok(), "three");
    for answered in busy {
        assert!(["one", "two"].contains(&answered.await.expect("no panic").ok()));
    }
}

#[tokio::test]
async fn spikes_past_the_warm_slots_are_served_as_well() {
    const AT_ONCE: usize = 12;
    let (origin, backend) = ByHand::new();
    let test = Test::guest("proxy").backend("origin", backend);
    let service = test.limits(|limits| limits.pool_slots = 2).start().await;
    assert_eq!(
        service.fastlike.warm_up(100).await,
        2,
        "not more than there are"
    );
    let waiting: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { service.get("/").await })
        })
        .collect();
    let mut asked = Vec::new();
    for _ in 0..AT_ONCE {
        asked.push(origin.asked().await);
    }
    for asked in asked {
        asked.answer(Response::new("served"));
    }
    for answer in waiting {
        assert_eq!(answer.await.expect("no panic").ok(), "served");
    }
}

#[tokio::test]
async fn limits_that_cannot_work_are_refused_at_the_start() {
    use fastlike_runtime::{Fastlike, Limits, StartError};
    let refused = async |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        let guest = crate::harness::guest_file("hello");
        match Fastlike::builder(guest.as_path())
            .limits(limits)
            .build()
            .await
        {
            Err(StartError::Settings(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    assert!(
        refused(|limits| limits.heap = 64 * 1024 - 1)
            .await
            .contains("heap")
    );
    assert!(
        refused(|limits| limits.heap = (4 << 30) + 1)
            .await
            .contains("heap")
    );
    assert!(
        refused(|limits| limits.max_sandboxes = 0)
            .await
            .contains("sandbox")
    );
    assert!(
        refused(|limits| limits.pool_slots = 0)
            .await
            .contains("sandbox")
    );
    assert!(
        refused(|limits| limits.cpu = Duration::ZERO)
            .await
            .contains("time")
    );
    assert!(
        refused(|limits| limits.wall = Duration::ZERO)
            .await
            .contains("time")
    );
}

#[tokio::test]
async fn a_guest_that_needs_more_memory_than_it_may_have_does_not_start_badly() {
    // A Rust guest begins with more than one page.
    let test = Test::guest("hello").limits(|limits| limits.heap = 64 * 1024);
    match test.build().await {
        Err(error) => assert!(error.to_string().contains("memory"), "{error}"),
        Ok(service) => {
            let response = service.handle(get("/"), &crate::harness::client()).await;
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        }
    }
}
