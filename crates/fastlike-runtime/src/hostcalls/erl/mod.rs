//! `fastly_erl`: rate counters and penalty boxes.

mod witx;

use std::time::Duration;

use crate::error::{Error, Result};
use crate::limits;
use crate::rate::{CountWindow, PenaltyTime, RateCheck, RateWindow};
use crate::session::Session;

/// A check as a guest asks for it, in the ABI's numbers.
pub(crate) struct Check<'a> {
    pub(crate) counter: &'a str,
    pub(crate) penalty_box: &'a str,
    pub(crate) entry: &'a str,
    pub(crate) delta: u32,
    pub(crate) window: u32,
    pub(crate) limit: u32,
    pub(crate) ttl: u32,
}

/// Counts, and says whether the entry is blocked.
pub(crate) fn check_rate(session: &Session, check: &Check<'_>) -> Result<bool> {
    named(check.counter, check.entry)?;
    named(check.penalty_box, check.entry)?;
    let check = RateCheck {
        counter: check.counter,
        penalty_box: check.penalty_box,
        entry: check.entry,
        delta: check.delta,
        window: rate_window(check.window)?,
        limit: check.limit,
        penalty: penalty(check.ttl)?,
    };
    Ok(session.world.state.rates().check(&check))
}

/// Counts `delta` for the entry.
pub(crate) fn increment(session: &Session, counter: &str, entry: &str, delta: u32) -> Result<()> {
    named(counter, entry)?;
    let rates = session.world.state.rates();
    rates.counters.increment(counter, entry, delta);
    Ok(())
}

/// The entry's rate per second over the window.
pub(crate) fn lookup_rate(
    session: &Session,
    counter: &str,
    entry: &str,
    window: u32,
) -> Result<u32> {
    named(counter, entry)?;
    let rates = session.world.state.rates();
    let rate = rates.counters.rate(counter, entry, rate_window(window)?);
    Ok(u32::try_from(rate).unwrap_or(u32::MAX))
}

/// The entry's count over the last `duration` seconds.
pub(crate) fn lookup_count(
    session: &Session,
    counter: &str,
    entry: &str,
    duration: u32,
) -> Result<u32> {
    named(counter, entry)?;
    let window = CountWindow::of_seconds(duration).ok_or(Error::Invalid(
        "rate counter: counts are of 10 to 60 seconds, in steps of 10",
    ))?;
    let rates = session.world.state.rates();
    let count = rates.counters.count(counter, entry, window);
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Blocks the entry for `ttl` seconds, cut to whole minutes.
pub(crate) fn penaltybox_add(
    session: &Session,
    penalty_box: &str,
    entry: &str,
    ttl: u32,
) -> Result<()> {
    named(penalty_box, entry)?;
    let rates = session.world.state.rates();
    rates.penalty_boxes.add(penalty_box, entry, penalty(ttl)?);
    Ok(())
}

/// Whether the entry is blocked now.
pub(crate) fn penaltybox_has(session: &Session, penalty_box: &str, entry: &str) -> Result<bool> {
    named(penalty_box, entry)?;
    Ok(session
        .world
        .state
        .rates()
        .penalty_boxes
        .has(penalty_box, entry))
}

fn named(name: &str, entry: &str) -> Result<()> {
    if name.is_empty() || name.len() > limits::RATE_NAME {
        return Err(Error::Invalid(
            "rate counter or penalty box: empty or too long a name",
        ));
    }
    if entry.len() > limits::RATE_ENTRY {
        return Err(Error::Invalid(
            "rate counter or penalty box: too long an entry",
        ));
    }
    Ok(())
}

fn rate_window(seconds: u32) -> Result<RateWindow> {
    RateWindow::of_seconds(seconds).ok_or(Error::Invalid(
        "rate counter: rates are of 1, 10 or 60 seconds",
    ))
}

fn penalty(seconds: u32) -> Result<PenaltyTime> {
    let time = Duration::from_secs(seconds.into());
    PenaltyTime::new(time).ok_or(Error::Invalid(
        "penalty box: a penalty takes a minute to an hour",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostcalls::tests::sandbox;

    #[test]
    fn names_and_entries_have_their_longest_length_and_not_one_byte_more() {
        let session = sandbox().session;
        let text = |length| "n".repeat(length);
        let (name, entry) = (text(limits::RATE_NAME), text(limits::RATE_ENTRY));
        let (long_name, long_entry) = (text(limits::RATE_NAME + 1), text(limits::RATE_ENTRY + 1));
        let check = |counter, penalty_box, entry| {
            let check = Check {
                counter,
                penalty_box,
                entry,
                delta: 1,
                window: 1,
                limit: 9,
                ttl: 60,
            };
            check_rate(&session, &check).is_ok()
        };
        assert!(check(&name, &name, &entry) && check("c", "b", ""));
        assert!(!check(&long_name, "b", "e") && !check("c", &long_name, "e"));
        assert!(!check("c", "b", &long_entry) && !check("", "b", "e") && !check("c", "", "e"));
        for (name, entry, good) in [
            (&name, &entry, true),
            (&long_name, &entry, false),
            (&name, &long_entry, false),
        ] {
            let answers = [
                increment(&session, name, entry, 1).is_ok(),
                lookup_rate(&session, name, entry, 1).is_ok(),
                lookup_count(&session, name, entry, 10).is_ok(),
                penaltybox_add(&session, name, entry, 60).is_ok(),
                penaltybox_has(&session, name, entry).is_ok(),
            ];
            assert_eq!(answers, [good; 5]);
        }
    }
}
