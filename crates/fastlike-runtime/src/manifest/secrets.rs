//! What no message may show: the values of some tables, and passwords in URLs.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Tables whose values are secrets, which no message may show, but for those
/// of the keys in [`is_open`].
const SECRET: &[&str] = &[
    "client_certificate",
    "env_vars",
    "secret_stores",
    "env",
    "headers",
    "fake_valid_fastly_keys",
];

/// True for such a table, also if its name is a slip: then a warning shows it.
fn is_secret(key: &str) -> bool {
    let same = |name: &&str| {
        let key = key.replace('-', "_");
        key.trim_end_matches('s')
            .eq_ignore_ascii_case(name.trim_end_matches('s'))
    };
    SECRET.iter().any(same)
}

/// True for keys of such tables whose values are no secrets: paths, names of
/// variables, and what a secret store calls its secrets.
fn is_open(table: &str, key: &str) -> bool {
    let named = table == "secret_stores" && matches!(key, "key" | "env" | "format");
    named || key == "file" || key.ends_with("_file")
}

/// The text with the strings of secret tables starred out, byte by byte.
pub(super) fn star_out(text: &str, table: &DeTable<'_>) -> String {
    let mut found = Vec::new();
    in_table(table, "", &mut found);
    let mut bytes = text.as_bytes().to_vec();
    for span in found {
        let value = bytes.get_mut(span).unwrap_or_default();
        value
            .iter_mut()
            .filter(|byte| **byte != b'\n')
            .for_each(|byte| *byte = b'*');
    }
    // Whole strings were replaced, so what is left is still UTF-8.
    String::from_utf8(bytes).unwrap_or_default()
}

fn in_table(table: &DeTable<'_>, inside: &str, found: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        let key = key.get_ref().as_ref();
        let inside = match inside {
            "" if is_secret(key) => key,
            // Something else may be called so, and hold anything.
            _ if is_open(inside, key) && value.get_ref().is_str() => "",
            _ => inside,
        };
        in_value(value, inside, found);
    }
}

fn in_value(value: &Spanned<DeValue<'_>>, inside: &str, found: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(table) => in_table(table, inside, found),
        DeValue::Array(array) => array
            .iter()
            .for_each(|value| in_value(value, inside, found)),
        DeValue::String(text) if has_password(text) => found.push(value.span()),
        _ if !inside.is_empty() => found.push(value.span()),
        _ => {}
    }
}

/// Whether a text may be a URL with a password in it.
fn has_password(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(_, rest)| rest.contains('@'))
}

/// As [`star_out`], of a text that is no TOML, of which `table` could be read.
/// What is a value is only guessed, so each line keeps its first key and its
/// punctuation alone, if there may be secrets in the file.
pub(super) fn star_out_broken(text: &str, table: &DeTable<'_>) -> String {
    let careful = names_secrets(text);
    let without_values = star_out(text, table);
    let mut shown = String::with_capacity(text.len());
    let mut quotes = None;
    let lines = text.split_inclusive('\n');
    for (line, without_values) in lines.zip(without_values.split_inclusive('\n')) {
        if careful || has_password(line) {
            let kept = if quotes.is_some() { 0 } else { key_end(line) };
            let (_, rest) = line.split_at_checked(kept).unwrap_or_default();
            shown.push_str(without_values.get(..kept).unwrap_or_default());
            shown.extend(rest.chars().map(starred));
        } else {
            shown.push_str(without_values);
        }
        quotes = open_quotes(line, quotes);
    }
    shown
}

fn names_secrets(text: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    text.split(|c| !in_word(c))
        .any(|word| SECRET.contains(&word))
}

/// As many stars as the character has bytes, or itself if it tells nothing.
fn starred(c: char) -> &'static str {
    match c {
        '[' => "[",
        ']' => "]",
        '{' => "{",
        '}' => "}",
        ',' => ",",
        '"' => "\"",
        '\'' => "'",
        ' ' => " ",
        '\t' => "\t",
        '\r' => "\r",
        '\n' => "\n",
        _ => "****".get(..c.len_utf8()).unwrap_or_default(),
    }
}

/// Where the line's key ends, with its `=`; 0 if it seems to have none.
fn key_end(line: &str) -> usize {
    let Some((key, value)) = line.split_once('=') else {
        return 0;
    };
    let in_string = ['"', '\'']
        .iter()
        .any(|quote| key.matches(*quote).count() % 2 == 1);
    // As base64 ends.
    let padding = key.ends_with(|c: char| !c.is_whitespace())
        && value
            .trim_start_matches(['=', '"', '\'', ',', ']', '}'])
            .trim()
            .is_empty();
    if in_string || padding {
        0
    } else {
        key.len() + 1
    }
}

/// The quotes of the string of several lines that is open after a line, if one
/// is, or was before it.
fn open_quotes(line: &str, before: Option<&'static str>) -> Option<&'static str> {
    const QUOTES: [&str; 2] = ["\"\"\"", "'''"];
    let (mut rest, mut open) = (line, before);
    loop {
        let next = match open {
            Some(quotes) => rest.find(quotes).map(|at| (at, quotes)),
            None if rest.trim_start().starts_with('#') => None,
            None => QUOTES
                .iter()
                .filter_map(|quotes| Some((rest.find(quotes)?, *quotes)))
                .min(),
        };
        let Some((at, quotes)) = next else {
            return open;
        };
        open = match open {
            Some(_) => None,
            None => Some(quotes),
        };
        rest = rest.get(at + quotes.len()..).unwrap_or_default();
    }
}
