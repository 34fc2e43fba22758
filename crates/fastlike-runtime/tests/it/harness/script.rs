//! Guests written as a list of hostcalls, for rules of the ABI that no SDK shows.
//!
//! Each line is a call, `http_resp.send_downstream *0 *4 0`, that must answer
//! OK, or another status that stands before it: `3: http_body.close *4`. A
//! number is itself, `*4` what memory holds at 4, `'text'` the two arguments
//! place and length. `@8 == 5` is about the 32 bits at 8, and `@8 == 'text'`
//! about the bytes there. What follows a `;` is a comment.
//!
//! A line that does not hold ends the guest with its number as exit code.

use std::fmt::Write;

use super::wat::{Import, program, signatures};

/// Texts begin here, far from the addresses that scripts use.
const TEXTS: usize = 32 * 1024;

/// A guest that does what the lines say.
pub(crate) fn script(lines: &str) -> String {
    let mut script = Script {
        imports: signatures(),
        texts: String::new(),
        body: String::new(),
    };
    for (number, line) in (1..126).zip(lines.lines()) {
        let line = line.split(';').next().unwrap_or_default().trim();
        if !line.is_empty() {
            let fails = script
                .line(line)
                .unwrap_or_else(|| panic!("line {number}: {line:?}"));
            let exit = format!(
                "(call $wasi_snapshot_preview1.proc_exit (i32.const {}))",
                number
            );
            writeln!(script.body, "(if {fails} (then {exit}))").expect("text grows");
        }
    }
    let data = format!("(data (i32.const {TEXTS}) \"{}\")", script.texts);
    program(&data, &script.body)
}

struct Script {
    imports: Vec<Import>,
    texts: String,
    body: String,
}

impl Script {
    /// An expression that is not 0 if the line does not hold.
    fn line(&mut self, line: &str) -> Option<String> {
        if let Some(comparison) = line.strip_prefix('@') {
            let (place, value) = comparison.split_once(" == ")?;
            let place: usize = place.parse().ok()?;
            return match value.strip_prefix('\'') {
                Some(text) => Some(differs(place, text.strip_suffix('\'')?)),
                None => Some(format!(
                    "(i32.ne (i32.load (i32.const {place})) (i32.const {value}))"
                )),
            };
        }
        let (status, call) = line.split_once(": ").unwrap_or(("0", line));
        let (function, arguments) = call.split_once(' ').unwrap_or((call, ""));
        let (module, name) = function.split_once('.')?;
        let module = format!("fastly_{module}");
        let values = self.values(arguments)?;
        let import = self
            .imports
            .iter()
            .find(|i| i.module == module && i.name == name)?;
        assert_eq!(values.len(), import.params.len(), "{line}");
        let arguments =
            values
                .iter()
                .zip(&import.params)
                .map(|(value, ty)| match value.strip_prefix('*') {
                    Some(place) => format!("({ty}.load (i32.const {place}))"),
                    None => format!("({ty}.const {value})"),
                });
        let arguments: String = arguments.collect();
        Some(format!(
            "(i32.ne (i32.const {status}) (call ${module}.{name} {arguments}))"
        ))
    }

    fn values(&mut self, mut arguments: &str) -> Option<Vec<String>> {
        let mut values = Vec::new();
        while !arguments.is_empty() {
            let (value, rest) = match arguments.strip_prefix('\'') {
                Some(text) => {
                    let (text, rest) = text.split_once('\'')?;
                    values.push((TEXTS + self.texts.len()).to_string());
                    self.texts.push_str(text);
                    (text.len().to_string(), rest.trim_start())
                }
                None => {
                    let (value, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
                    (value.to_owned(), rest.trim_start())
                }
            };
            values.push(value);
            arguments = rest;
        }
        Some(values)
    }
}

fn differs(place: usize, text: &str) -> String {
    let bytes = text.bytes().enumerate();
    let bytes = bytes.map(|(at, byte)| {
        format!(
            "(i32.ne (i32.load8_u (i32.const {})) (i32.const {byte}))",
            place + at
        )
    });
    bytes
        .reduce(|one, other| format!("(i32.or {one} {other})"))
        .unwrap_or_else(|| "(i32.const 0)".to_owned())
}
