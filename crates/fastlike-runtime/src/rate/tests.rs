//! Known rates on a clock that stands still between them.

use tokio::time::advance;

use super::*;
use crate::limits;

const MINUTE: Duration = Duration::from_secs(60);

fn penalty(minutes: u32) -> PenaltyTime {
    PenaltyTime::new(MINUTE * minutes).expect("1 to 60 minutes")
}

fn check(entry: &str, window: RateWindow, limit: u32) -> RateCheck<'_> {
    RateCheck {
        counter: "requests",
        penalty_box: "blocked",
        entry,
        delta: 1,
        window,
        limit,
        penalty: penalty(2),
    }
}

fn counts(counters: &RateCounters) -> Vec<u64> {
    let window = |seconds| CountWindow::of_seconds(seconds).expect("a window");
    [10, 20, 30, 40, 50, 60]
        .map(|seconds| counters.count("c", "e", window(seconds)))
        .to_vec()
}

fn rates(counters: &RateCounters) -> [u64; 3] {
    [
        RateWindow::OneSecond,
        RateWindow::TenSeconds,
        RateWindow::OneMinute,
    ]
    .map(|window| counters.rate("c", "e", window))
}

#[tokio::test(start_paused = true)]
async fn a_steady_rate_is_what_all_windows_say() {
    let counters = RateCounters::default();
    // 20 a second, for a minute and a half; the last one ends a second.
    for _ in 1..90 * 20 {
        advance(Duration::from_millis(50)).await;
        counters.increment("c", "e", 1);
    }
    assert_eq!(rates(&counters), [20, 20, 20]);
    let counts = counts(&counters);
    for (count, seconds) in counts.iter().zip([10, 20, 30, 40, 50, 60]) {
        let most = seconds * 20;
        // Short of the window by what is left of the present second.
        assert!((most - 20..=most).contains(count), "{counts:?}");
    }
    assert_eq!(
        counters.count("c", "other", CountWindow::of_seconds(60).expect("a window")),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn a_burst_slides_out_of_each_window_at_its_time() {
    let counters = RateCounters::default();
    counters.increment("c", "e", 600);
    assert_eq!(rates(&counters), [600, 60, 10]);
    assert_eq!(counts(&counters), [600; 6]);
    advance(Duration::from_millis(999)).await;
    assert_eq!(rates(&counters), [600, 60, 10]);
    advance(Duration::from_millis(1)).await;
    assert_eq!(rates(&counters), [0, 60, 10]);
    advance(Duration::from_millis(8_999)).await;
    assert_eq!(rates(&counters), [0, 60, 10]);
    advance(Duration::from_millis(1)).await;
    assert_eq!(rates(&counters), [0, 0, 10]);
    assert_eq!(counts(&counters), [0, 600, 600, 600, 600, 600]);
    advance(Duration::from_secs(30)).await;
    assert_eq!(counts(&counters), [0, 0, 0, 0, 600, 600]);
    advance(Duration::from_secs(20)).await;
    assert_eq!((rates(&counters), counts(&counters)), ([0; 3], vec![0; 6]));
}

#[tokio::test(start_paused = true)]
async fn an_entry_at_the_limit_passes_and_one_above_is_blocked() {
    for (window, most) in [
        (RateWindow::OneSecond, 10),
        (RateWindow::TenSeconds, 100),
        (RateWindow::OneMinute, 600),
    ] {
        let rates = Rates::default();
        let check = check("client", window, 10);
        for _ in 0..most {
            assert!(!rates.check(&check));
        }
        assert!(rates.check(&check));
        // The rate is low again, and the penalty not over.
        advance(Duration::from_secs(119)).await;
        assert!(rates.check(&check));
        assert!(!rates.check(&RateCheck {
            entry: "another",
            ..check
        }));
        assert!(!rates.check(&RateCheck {
            penalty_box: "another",
            ..check
        }));
        advance(Duration::from_secs(1)).await;
        assert!(!rates.check(&check));
    }
}

#[tokio::test(start_paused = true)]
async fn a_steady_client_at_the_limit_is_never_blocked_and_a_faster_one_soon_is() {
    let rates = Rates::default();
    for tenth in 0..1_200 {
        advance(Duration::from_millis(100)).await;
        let steady = check("steady", RateWindow::TenSeconds, 10);
        assert!(!rates.check(&steady), "{tenth}");
        let fast = RateCheck {
            entry: "fast",
            delta: 2,
            ..steady
        };
        // 20 a second reach 100 in 5 seconds.
        assert_eq!(rates.check(&fast), tenth >= 50, "{tenth}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_above_the_limit_stays_in_the_box() {
    let rates = Rates::default();
    let check = check("client", RateWindow::OneSecond, 0);
    assert!(rates.check(&check));
    advance(Duration::from_secs(100)).await;
    assert!(rates.check(&check));
    advance(Duration::from_secs(119)).await;
    assert!(rates.penalty_boxes.has("blocked", "client"));
    // A shorter penalty shortens none.
    rates.penalty_boxes.add("blocked", "client", penalty(60));
    rates.penalty_boxes.add("blocked", "client", penalty(1));
    advance(59 * MINUTE).await;
    assert!(rates.penalty_boxes.has("blocked", "client"));
    advance(MINUTE).await;
    assert!(!rates.penalty_boxes.has("blocked", "client"));
}

#[test]
fn windows_and_times_are_those_of_the_platform() {
    let windows: Vec<u32> = (0..100)
        .filter(|s| RateWindow::of_seconds(*s).is_some())
        .collect();
    assert_eq!(windows, [1, 10, 60]);
    let counts: Vec<u32> = (0..100)
        .filter(|s| CountWindow::of_seconds(*s).is_some())
        .collect();
    assert_eq!(counts, [10, 20, 30, 40, 50, 60]);
    let minutes = |seconds| {
        let time = PenaltyTime::new(Duration::from_secs(seconds))?;
        Some(time.get().as_secs() / 60)
    };
    assert_eq!(
        [59, 60, 119, 120].map(minutes),
        [None, Some(1), Some(1), Some(2)]
    );
    assert_eq!(
        [3_600, 3_659, 3_660].map(minutes),
        [Some(60), Some(60), None]
    );
    assert_eq!(minutes(u64::MAX), None);
}

#[test]
fn threads_lose_no_count() {
    let rates = Rates::default();
    std::thread::scope(|scope| {
        for thread in 0..32 {
            let rates = rates.clone();
            scope.spawn(move || {
                let own = thread.to_string();
                for _ in 0..1_000 {
                    rates.counters.increment("c", "all", 1);
                    rates.counters.increment("c", &own, 1);
                }
            });
        }
    });
    let minute = CountWindow::of_seconds(60).expect("a window");
    assert_eq!(rates.counters.count("c", "all", minute), 32_000);
    assert_eq!(rates.counters.count("c", "31", minute), 1_000);
    assert_eq!(rates.counters.entries(), 33);
}

#[tokio::test(start_paused = true)]
async fn who_is_counted_is_not_forgotten_for_the_many_who_are_not() {
    let rates = Rates::default();
    let window = CountWindow::of_seconds(60).expect("a window");
    for number in 0..3 * limits::RATE_ENTRIES {
        let entry = number.to_string();
        rates.counters.increment("c", &entry, 1);
        rates.penalty_boxes.add("b", &entry, penalty(1));
        if number.is_multiple_of(100) {
            advance(Duration::from_millis(1)).await;
            rates.counters.increment("c", "steady", 1);
        }
    }
    assert!(rates.counters.entries() <= limits::RATE_ENTRIES);
    assert!(rates.penalty_boxes.entries() <= limits::RATE_ENTRIES);
    let counted = rates.counters.count("c", "steady", window);
    assert_eq!(counted, (3 * limits::RATE_ENTRIES as u64).div_ceil(100));
}
