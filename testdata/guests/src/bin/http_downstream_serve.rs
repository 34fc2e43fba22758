//! Says hello to one client after another.

use fastly::Response;
use fastly::http::serve::Serve;

fn main() {
    Serve::new().run(|_| Response::from_body("hello"));
}
