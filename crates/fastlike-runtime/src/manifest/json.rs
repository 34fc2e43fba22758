//! A JSON file that holds an object, and where its members stand in it.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::problem::{Log, Problem};
use super::raw::Item;
use super::source::Source;

/// A JSON file that holds an object.
pub(super) struct JsonFile {
    /// Its members, by name; of several with one name the last.
    pub(super) members: BTreeMap<String, Value>,
    source: Source,
    /// The manifest's key that names the file.
    key_path: String,
    /// Where the members are, looked for when something is wrong with one.
    places: OnceCell<BTreeMap<String, Place>>,
}

/// Where a member's name and its value stand.
#[derive(Debug, Clone, Default, PartialEq)]
struct Place {
    name: Range<usize>,
    value: Range<usize>,
}

impl JsonFile {
    /// The object that the text of a file holds, which `item` names. A syntax
    /// error is shown where it is, in that file.
    pub(super) fn parse(source: Source, item: &Item<'_>, log: &mut Log) -> Option<Self> {
        let text = source.without_bom();
        match serde_json::from_str(text) {
            Ok(Members(members)) => Some(Self::new(source, members, item, log)),
            Err(error) if error.is_data() => {
                let found = serde_json::from_str(text).map_or("that", |value| kind(&value));
                let path = source.path().display();
                let message = format!("`{path}` must hold a JSON object, not {found}");
                log.error(item.problem(message));
                None
            }
            Err(error) => {
                let message = error.to_string();
                // serde_json ends its messages with the place, which we show.
                let message = message.split(" at line ").next().unwrap_or_default();
                let at = source.offset(error.line(), error.column());
                log.error(source.problem(at..at, item.path(), message.to_owned()));
                None
            }
        }
    }

    fn new(source: Source, members: Vec<(String, Value)>, item: &Item<'_>, log: &mut Log) -> Self {
        let mut file = Self {
            members: BTreeMap::new(),
            source,
            key_path: item.path().to_owned(),
            places: OnceCell::new(),
        };
        let mut twice = Vec::new();
        for (name, value) in members {
            if file.members.contains_key(&name) {
                twice.push(name.clone());
            }
            file.members.insert(name, value);
        }
        for name in twice {
            let message = format!("{name:?} is there twice; the later counts");
            log.warn(file.problem_at_name(&name, message));
        }
        file
    }

    pub(super) fn path(&self) -> &Path {
        self.source.path()
    }

    /// A problem with the value of the member of this name.
    pub(super) fn problem(&self, name: &str, message: impl fmt::Display) -> Problem {
        self.at(self.place(name).value, format!("{name:?}: {message}"))
    }

    /// A problem with the name of a member.
    pub(super) fn problem_at_name(&self, name: &str, message: impl fmt::Display) -> Problem {
        self.at(self.place(name).name, message.to_string())
    }

    fn at(&self, place: Range<usize>, message: String) -> Problem {
        self.source
            .problem(self.mark(place), &self.key_path, message)
    }

    /// What is marked of a value: of one that has others in it, its beginning.
    fn mark(&self, place: Range<usize>) -> Range<usize> {
        let value = self.source.text().get(place.clone()).unwrap_or_default();
        if value.starts_with(['{', '[']) {
            place.start..place.start.saturating_add(1)
        } else {
            place
        }
    }

    fn place(&self, name: &str) -> Place {
        let places = self.places.get_or_init(|| {
            let text = self.source.text();
            // Of two with one name the last counts.
            text.find('{')
                .map(|at| members(text, at).into_iter().collect())
                .unwrap_or_default()
        });
        places.get(name).cloned().unwrap_or_default()
    }

    /// Where the elements of the array are that is the member of this name.
    pub(super) fn elements(&self, name: &str) -> Vec<Range<usize>> {
        elements(self.source.text(), self.place(name).value.start)
    }

    /// A problem with one of these elements.
    pub(super) fn problem_of_element(
        &self,
        place: Range<usize>,
        key_path: &str,
        message: String,
    ) -> Problem {
        self.source.problem(self.mark(place), key_path, message)
    }
}

/// An object's members in their order, none left out.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// What a message calls a JSON value.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Why a value is not what it must be, with people's words for Rust's types.
pub(super) fn said(error: &serde_json::Error) -> String {
    const WORDS: &[(&str, &str)] = &[
        ("u16", "a whole number from 0 to 65535"),
        ("u32", "a whole number from 0 to 4294967295"),
        ("i32", "a whole number from -2147483648 to 2147483647"),
        ("i64", "a whole number"),
        ("f64", "a number"),
    ];
    let message = error.to_string();
    let Some((found, expected)) = message.rsplit_once(", expected ") else {
        return message;
    };
    let word = WORDS.iter().find(|(name, _)| *name == expected);
    match word {
        Some((_, words)) => format!("{found}, expected {words}"),
        None => message,
    }
}

/// The members of the object at a place of a text that is JSON.
fn members(text: &str, at: usize) -> Vec<(String, Place)> {
    let mut found = Vec::new();
    let mut at = skip(text, at.saturating_add(1));
    while let Some((name, end)) = value::<String>(text, at) {
        let start = skip(text, end);
        let Some((_, after)) = value::<IgnoredAny>(text, start) else {
            break;
        };
        let place = Place {
            name: at..end,
            value: start..after,
        };
        found.push((name, place));
        at = skip(text, after);
    }
    found
}

/// Where the elements of the array at a place are.
fn elements(text: &str, at: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = skip(text, at.saturating_add(1));
    while let Some((_, after)) = value::<IgnoredAny>(text, at) {
        found.push(at..after);
        at = skip(text, after);
    }
    found
}

fn rest(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}

/// The place after white space and separators.
fn skip(text: &str, at: usize) -> usize {
    let rest = rest(text, at);
    let separators = |c: char| c.is_ascii_whitespace() || c == ',' || c == ':';
    let left = rest.trim_start_matches(separators);
    at.saturating_add(rest.len().saturating_sub(left.len()))
}

/// The value at a place, and the place after it.
fn value<T: serde::de::DeserializeOwned>(text: &str, at: usize) -> Option<(T, usize)> {
    let mut values = serde_json::Deserializer::from_str(rest(text, at)).into_iter::<T>();
    let value = values.next()?.ok()?;
    Some((value, at.saturating_add(values.byte_offset())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_elements_are_found_where_they_stand() {
        let text = r#" { "meta": {"entries": [9]}, "entries" : [
            {"prefix": "]"}, 7 ,[{}], "a,b" ], "\u0061" :null }"#;
        let found = members(text, 1);
        let shown: Vec<_> = found
            .iter()
            .map(|(name, place)| (name.as_str(), &text[place.name.clone()]))
            .collect();
        assert_eq!(
            shown,
            [
                ("meta", "\"meta\""),
                ("entries", "\"entries\""),
                ("a", "\"\\u0061\"")
            ]
        );
        assert_eq!(&text[found[2].1.value.clone()], "null");
        let elements = elements(text, found[1].1.value.start);
        let shown: Vec<_> = elements.into_iter().map(|place| &text[place]).collect();
        assert_eq!(shown, [r#"{"prefix": "]"}"#, "7", "[{}]", "\"a,b\""]);
        for text in ["", "{}", "[", "{\"a\"", "{\"a\": "] {
            assert!(members(text, 0).is_empty(), "{text}");
        }
    }
}
