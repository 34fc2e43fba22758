//! Never ends, and never waits for anything.

use std::hint::black_box;

fn main() {
    fastly::init();
    let mut turns = 0_u64;
    while black_box(true) {
        turns = black_box(turns.wrapping_add(1));
    }
}
