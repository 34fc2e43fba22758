//! `[local_server.acls]`: each a JSON file with `entries` as the public API
//! takes and gives them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::IgnoredAny;
use serde_json::{Deserializer, Map, Value};
use toml::de::DeValue;

use super::problem::Log;
use super::raw::{Item, Section, Source};
use super::resolve::{Files, kind};
use crate::acl::{AclAction, AclEntry, AclPrefix};
use crate::limits;

/// Wrong entries of one file that are shown one by one.
const SHOWN: usize = 20;

/// One access control list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AclSettings {
    /// What is in it, one entry a prefix.
    pub entries: Vec<AclEntry>,
    /// The file that they were read from.
    pub file: PathBuf,
}

pub(super) fn read(
    local: &mut Section<'_>,
    files: &Files,
    log: &mut Log,
) -> BTreeMap<String, AclSettings> {
    let mut acls = BTreeMap::new();
    let Some(mut section) = local.section("acls", log) else {
        return acls;
    };
    for item in section.take_all() {
        let name = item.name().to_owned();
        let file = match item.value() {
            DeValue::Table(_) => in_table(item, log),
            DeValue::String(_) => Some(item),
            _ => item.expected("the path of a JSON file, or `{ file = \"…\" }`", log),
        };
        let acl = file.and_then(|item| acl(&item, files, log));
        acls.insert(name, acl.unwrap_or_default());
    }
    acls
}

fn in_table<'a>(item: Item<'a>, log: &mut Log) -> Option<Item<'a>> {
    let mut section = item.section(log)?;
    let file = section.take("file");
    if file.is_none() {
        log.error(section.problem("`file` is missing"));
    }
    section.finish(log);
    file
}

fn acl(item: &Item<'_>, files: &Files, log: &mut Log) -> Option<AclSettings> {
    let (path, text, mut object) = files.read_json_text(item, log)?;
    let entries = match object.remove("entries") {
        Some(Value::Array(entries)) => entries,
        Some(other) => {
            let found = kind(&other);
            let message = format!(
                "`{}`: `entries` must be an array, not {found}",
                path.display()
            );
            log.error(item.problem(message));
            return None;
        }
        None => {
            let message = format!("`{}` has no `entries`", path.display());
            let help = "write `{ \"entries\": [{ \"op\": \"create\", \"prefix\": \"192.0.2.0/24\", \"action\": \"BLOCK\" }] }`";
            log.error(item.problem(message).help(help));
            return None;
        }
    };
    let source = Source::new(path.clone(), text);
    let mut places = None;
    let (mut list, mut wrong) = (BTreeMap::new(), 0_usize);
    for (index, entry) in entries.iter().enumerate() {
        let Err(why) = apply(&mut list, entry) else {
            continue;
        };
        wrong = wrong.saturating_add(1);
        if wrong <= SHOWN {
            let places = places.get_or_insert_with(|| places_of(source.text()));
            let at = places.get(index).copied().unwrap_or_default();
            let span = at..at.saturating_add(1);
            log.error(source.problem(span, &format!("{}.entries[{index}]", item.path()), why));
        }
    }
    if wrong > SHOWN {
        let more = wrong.saturating_sub(SHOWN);
        log.error(item.problem(format!(
            "`{}`: {more} more entries are wrong",
            path.display()
        )));
    }
    if list.len() > limits::ACL_ENTRIES {
        let message = format!(
            "it has {} entries, the limit is {}",
            list.len(),
            limits::ACL_ENTRIES
        );
        log.error(item.problem(message));
    }
    let entries = list
        .into_iter()
        .map(|(prefix, action)| AclEntry { prefix, action })
        .collect();
    Some(AclSettings {
        entries,
        file: path,
    })
}

/// Does what an entry says. Files are written as the API takes changes, with
/// an `op` (by default `create`), and as it gives lists, without.
fn apply(list: &mut BTreeMap<AclPrefix, AclAction>, entry: &Value) -> Result<(), String> {
    let Value::Object(entry) = entry else {
        return Err(format!("an entry must be an object, not {}", kind(entry)));
    };
    let op = optional(entry, "op")?.unwrap_or("create");
    let prefix = required(entry, "prefix")?;
    let prefix: AclPrefix = prefix.parse().map_err(said)?;
    match op {
        "create" | "update" => {
            let action = required(entry, "action")?;
            list.insert(prefix, action.parse().map_err(said)?);
        }
        "delete" => {
            list.remove(&prefix);
        }
        _ => {
            return Err(format!(
                "{op:?} is not an op: write \"create\", \"update\" or \"delete\""
            ));
        }
    }
    Ok(())
}

fn said(error: crate::named::StoreError) -> String {
    error.to_string()
}

fn optional<'e>(entry: &'e Map<String, Value>, key: &str) -> Result<Option<&'e str>, String> {
    match entry.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("`{key}` must be a string, not {}", kind(other))),
    }
}

fn required<'e>(entry: &'e Map<String, Value>, key: &str) -> Result<&'e str, String> {
    optional(entry, key)?.ok_or_else(|| format!("`{key}` is missing"))
}

/// Where the elements of `entries` begin in a text that is JSON.
fn places_of(text: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let Some(mut at) = text.find('{') else {
        return places;
    };
    at += 1;
    loop {
        at = skip(text, at);
        let Some((key, after)) = value::<String>(text, at) else {
            return places;
        };
        at = skip(text, after);
        if key != "entries" || !rest(text, at).starts_with('[') {
            let Some((_, after)) = value::<IgnoredAny>(text, at) else {
                return places;
            };
            at = after;
            continue;
        }
        // Of two with this key the last counts.
        places.clear();
        at = skip(text, at.saturating_add(1));
        while let Some((_, after)) = value::<IgnoredAny>(text, at) {
            places.push(at);
            at = skip(text, after);
        }
        at = at.saturating_add(1);
    }
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
    let mut values = Deserializer::from_str(rest(text, at)).into_iter::<T>();
    let value = values.next()?.ok()?;
    Some((value, at.saturating_add(values.byte_offset())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_where_they_stand() {
        let text = r#" { "meta": {"entries": [9]}, "entries" : [
            {"prefix": "]"}, 7 ,[{}], "a,b" ], "more": [1, 2] }"#;
        let found: Vec<&str> = places_of(text)
            .into_iter()
            .map(|at| &text[at..at + 2])
            .collect();
        assert_eq!(found, ["{\"", "7 ", "[{", "\"a"]);
        for text in ["", "{}", "{\"entries\": 1}", "{\"entries\": []}"] {
            assert_eq!(places_of(text), [] as [usize; 0], "{text}");
        }
    }
}
