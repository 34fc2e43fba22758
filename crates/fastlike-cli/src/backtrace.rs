//! Backtraces of wasm for people.

/// Left in the stack by Rust's standard library: what is called from here is
/// its handling of a panic.
const END: &str = "__rust_end_short_backtrace";
/// What called from here is its own start.
const BEGIN: &str = "__rust_begin_short_backtrace";

/// The part of a backtrace that is the program's own, as Rust shortens those
/// of a native program. One without Rust's marks stays as it is.
pub(crate) fn shorten(text: &str) -> String {
    let mut head = String::new();
    let mut frames: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        match frames.last_mut() {
            _ if begins_frame(line) => frames.push(line.to_owned()),
            // Where it is, and what was inlined there.
            Some(frame) => frame.push_str(line),
            None => head.push_str(line),
        }
    }
    let first = frames.iter().rposition(|frame| frame.contains(END));
    let first = first.map_or(0, |end| end.saturating_add(1));
    let mut own = frames.iter().skip(first).peekable();
    let mut left_out = first > 0;
    let mut short = head;
    while let Some(frame) = own.next_if(|frame| !frame.contains(BEGIN)) {
        short.push_str(frame);
    }
    left_out |= own.next().is_some();
    if !left_out {
        return text.to_owned();
    }
    short.push_str(
        "note: without the standard library's frames around it; RUST_BACKTRACE=full shows them",
    );
    short
}

/// `   12:  0x1b3e - name`.
fn begins_frame(line: &str) -> bool {
    line.trim_start()
        .split_once(':')
        .is_some_and(|(number, rest)| {
            number.parse::<u32>().is_ok() && rest.trim_start().starts_with("0x")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "error while executing at wasm backtrace:
    0:  0xd5 - abort
    1:  0xcb - std::__rust_end_short_backtrace::<()>
                    at sys/backtrace.rs:182:18
    2:  0xdea1e - core::panicking::panic_fmt
   10:   0x410e - app::fails
                    at src/main.rs:61:9
   16:   0x4600 - call_once
                - test::__rust_begin_short_backtrace::<()>
   17:  0x171ce - test::run";

    #[test]
    fn what_is_around_the_program_is_left_out() {
        let short = shorten(TRACE);
        let expected = "error while executing at wasm backtrace:
    2:  0xdea1e - core::panicking::panic_fmt
   10:   0x410e - app::fails
                    at src/main.rs:61:9
note: ";
        assert!(short.starts_with(expected), "{short}");
        assert_eq!(short.lines().count(), 5);
    }

    #[test]
    fn other_backtraces_stay_as_they_are() {
        for text in [
            "",
            "error while executing at wasm backtrace:\n    0:     0x31 - <unknown>!deep_inside",
        ] {
            assert_eq!(shorten(text), text);
        }
    }
}
