//! Ends well without having answered.

fn main() {
    fastly::init();
}
