//! Edge rate limiting.

use std::time::Duration;

use fastlike_runtime::State;
use tokio::time::{advance, pause};

use crate::harness::{Running, Test, script};

const SECOND: Duration = Duration::from_secs(1);

async fn blocked(service: &Running, path: &str) -> bool {
    service.get(path).await.line("blocked") == "true"
}

#[tokio::test]
async fn a_client_that_asks_too_often_is_blocked_for_its_penalty() {
    let service = Test::guest("erl_rates").start().await;
    pause();
    // 3 a second over 10 seconds, and 2 minutes for more.
    let check = "/check/client/1/10/3/2";
    for _ in 0..30 {
        assert!(!blocked(&service, check).await);
    }
    assert!(blocked(&service, check).await);
    assert!(!blocked(&service, "/check/another/1/10/3/2").await);
    // It is calm now, and blocked all the same.
    advance(119 * SECOND).await;
    assert!(blocked(&service, "/look/client").await);
    assert!(blocked(&service, check).await);
    advance(SECOND).await;
    assert!(!blocked(&service, check).await);
    // At a rate that is good it stays so.
    for _ in 0..60 {
        advance(SECOND / 3).await;
        assert!(!blocked(&service, check).await);
    }
}

#[tokio::test]
async fn rates_and_counts_are_those_of_their_windows() {
    let service = Test::guest("erl_rates").start().await;
    pause();
    // 5 a second for a minute.
    for _ in 0..60 {
        service.get("/increment/client/5").await;
        advance(SECOND).await;
    }
    let answer = service.get("/look/client").await;
    assert_eq!(answer.line("blocked"), "false");
    // The last was a whole second ago.
    assert_eq!(answer.line("rates"), "[0, 5, 5]");
    assert_eq!(answer.line("counts"), "[45, 95, 145, 195, 245, 295]");
    service.get("/increment/client/5").await;
    let answer = service.get("/look/client").await;
    assert_eq!(answer.line("rates"), "[5, 5, 5]");
    assert_eq!(answer.line("counts"), "[50, 100, 150, 200, 250, 300]");
    advance(60 * SECOND).await;
    let answer = service.get("/look/client").await;
    assert_eq!(answer.line("rates"), "[0, 0, 0]");
    assert_eq!(answer.line("counts"), "[0, 0, 0, 0, 0, 0]");
    assert_eq!(service.get("/look/nobody").await.line("rates"), "[0, 0, 0]");
}

#[tokio::test]
async fn what_one_sandbox_counts_others_see_and_a_service_that_takes_over() {
    let state = State::in_memory();
    let test = || {
        let state = state.clone();
        Test::guest("erl_rates").with(|builder| builder.state(state))
    };
    let (one, two) = (test().start().await, test().start().await);
    let asks = (0..20).map(|_| one.get("/increment/client/1"));
    futures_util::future::join_all(asks).await;
    one.get("/add/client/60").await;
    drop(one);
    let seen = two.get("/look/client").await;
    assert_eq!(seen.line("blocked"), "true");
    assert!(seen.line("counts").ends_with(", 20]"), "{}", seen.text());
}

#[tokio::test]
async fn numbers_that_no_sdk_sends_are_refused() {
    let guest = script(
        "erl.ratecounter_increment 'c' 'e' 4294967295
        erl.ratecounter_increment 'c' 'e' 1
        erl.ratecounter_lookup_rate 'c' 'e' 1 8
        @8 == -1
        erl.ratecounter_lookup_count 'c' 'e' 60 8
        @8 == -1
        2: erl.ratecounter_lookup_rate 'c' 'e' 0 8
        2: erl.ratecounter_lookup_rate 'c' 'e' 2 8
        2: erl.ratecounter_lookup_count 'c' 'e' 1 8
        2: erl.ratecounter_lookup_count 'c' 'e' 70 8
        2: erl.check_rate 'c' 'e' 1 5 10 'b' 60 8
        2: erl.check_rate 'c' 'e' 1 1 10 'b' 59 8
        2: erl.check_rate '' 'e' 1 1 10 'b' 60 8
        2: erl.penaltybox_add 'b' 'e' -1
        erl.check_rate 'c' 'new' 0 1 0 'b' 3659 8
        @8 == 0
        erl.check_rate 'c' 'new' 1 1 0 'b' 3659 8
        @8 == 1
        erl.penaltybox_has 'b' 'new' 8
        @8 == 1
        erl.penaltybox_has 'b' 'other' 8
        @8 == 0",
    );
    assert_eq!(Test::wat(guest).get("/").await.ok(), "");
}
