//! Takes memory, 1 MiB at a time, until the host says no.

use std::hint::black_box;

fn main() {
    fastly::init();
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        taken.push(black_box(vec![1; 1 << 20]));
    }
}
