//! Counts and limits as its path says, and answers with lines of `what: value`:
//! `/check/ENTRY/DELTA/WINDOW/LIMIT/MINUTES`, `/increment/ENTRY/DELTA`, `/add/ENTRY/MINUTES` and
//! `/look/ENTRY`.

use fastly::erl::{CounterDuration, ERL, ERLError, Penaltybox, RateCounter, RateWindow};
use fastly::{Error, Request, Response};
use std::time::Duration;

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let path = request.get_path().to_owned();
    let words: Vec<&str> = path.split('/').skip(1).collect();
    let number = |place: usize| words[place].parse::<u32>().expect("a number");
    let counter = RateCounter::open("requests");
    let penalties = Penaltybox::open("blocked");
    let entry = words[1];
    let minutes = |place| Duration::from_secs(60 * u64::from(number(place)));
    let answer = match words[0] {
        "check" => {
            let window = match number(3) {
                1 => RateWindow::OneSec,
                10 => RateWindow::TenSecs,
                _ => RateWindow::SixtySecs,
            };
            let limiter = ERL::open(counter, penalties);
            let blocked = limiter.check_rate(entry, number(2), window, number(4), minutes(5))?;
            format!("blocked: {blocked}\n")
        }
        "increment" => {
            counter.increment(entry, number(2))?;
            String::new()
        }
        "add" => {
            penalties.add(entry, minutes(2))?;
            String::new()
        }
        _ => look(&counter, &penalties, entry)?,
    };
    Ok(Response::from_body(answer))
}

fn look(counter: &RateCounter, penalties: &Penaltybox, entry: &str) -> Result<String, ERLError> {
    let rates = [
        counter.lookup_rate(entry, RateWindow::OneSec)?,
        counter.lookup_rate(entry, RateWindow::TenSecs)?,
        counter.lookup_rate(entry, RateWindow::SixtySecs)?,
    ];
    let counts = [
        counter.lookup_count(entry, CounterDuration::TenSec)?,
        counter.lookup_count(entry, CounterDuration::TwentySecs)?,
        counter.lookup_count(entry, CounterDuration::ThirtySecs)?,
        counter.lookup_count(entry, CounterDuration::FortySecs)?,
        counter.lookup_count(entry, CounterDuration::FiftySecs)?,
        counter.lookup_count(entry, CounterDuration::SixtySecs)?,
    ];
    let blocked = penalties.has(entry)?;
    // A penalty of less than a minute or more than an hour is none.
    for seconds in [0, 59, 3_660] {
        let refused = penalties.add(entry, Duration::from_secs(seconds));
        assert_eq!(refused, Err(ERLError::InvalidArgument), "{seconds}");
    }
    Ok(format!(
        "rates: {rates:?}\ncounts: {counts:?}\nblocked: {blocked}\n"
    ))
}
