//! Calls itself until the stack is full.

use std::hint::black_box;

fn main() {
    fastly::init();
    println!("{}", deeper(black_box(1)));
}

#[expect(unconditional_recursion, reason = "this is the fault to be shown")]
#[inline(never)]
fn deeper(depth: u64) -> u64 {
    let kept = black_box([depth; 16]);
    deeper(depth + 1) + kept[(depth % 16) as usize]
}
