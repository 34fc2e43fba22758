//! Answers with the greeting of its settings, and has tests of every kind that there is.

use fastly::{ConfigStore, Error, Request, Response};

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    Ok(answer(&request))
}

fn answer(request: &Request) -> Response {
    let settings = ConfigStore::open("settings");
    let greeting = settings.get("greeting").unwrap_or_default();
    println!("answering {}", request.get_path());
    Response::from_body(format!("{greeting}, {}\n", request.get_path()))
}

/// What takes the time of a profiled request.
#[inline(never)]
pub fn busy_work(rounds: u64) -> u64 {
    (0..rounds).fold(1, |sum, round| std::hint::black_box(sum ^ round.wrapping_mul(31)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stores_of_the_manifest_are_there() {
        let mut answer = answer(&Request::get("http://example.com/path"));
        assert_eq!(answer.take_body_str(), "hello from fastly.toml, /path\n");
    }

    #[test]
    fn the_request_is_one_that_nobody_sent() {
        let request = Request::from_client();
        assert_eq!(request.get_method_str(), "GET");
        assert_eq!(request.get_url_str(), "http://example.com/");
        assert_eq!(request.get_client_ip_addr(), Some([127, 0, 0, 1].into()));
        Response::from_body("nobody reads this").send_to_client();
    }

    #[test]
    fn the_environment_is_the_platforms() {
        assert_eq!(std::env::var("FASTLY_HOSTNAME").as_deref(), Ok("localhost"));
        assert_eq!(std::env::var("HOME").ok(), None);
    }

    #[test]
    fn the_work_is_the_same_each_time() {
        assert_eq!(busy_work(1000), busy_work(1000));
    }

    #[test]
    fn output_is_shown_when_asked_for() {
        println!("printed by a test");
    }

    #[test]
    #[ignore = "fails"]
    fn what_is_wrong_fails() {
        assert_eq!(1 + 1, 3, "sums are hard");
    }

    #[test]
    #[ignore = "ends the process"]
    fn an_exit_code_is_the_processs() {
        std::process::exit(7);
    }

    #[test]
    #[should_panic(expected = "on purpose")]
    fn panics_that_are_wanted_are_not_tried_without_unwinding() {
        panic!("on purpose");
    }
}
