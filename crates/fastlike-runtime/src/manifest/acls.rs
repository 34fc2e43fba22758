//! `[local_server.acls]`: each a JSON file with `entries` as the public API
//! takes and gives them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};
use toml::de::DeValue;

use super::json::kind;
use super::problem::Log;
use super::raw::{Item, Section};
use super::resolve::Files;
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
    let mut file = files.read_json(item, log)?;
    let path = file.path().to_owned();
    let entries = match file.members.remove("entries") {
        Some(Value::Array(entries)) => entries,
        Some(other) => {
            let message = format!("must be an array, not {}", kind(&other));
            log.error(file.problem("entries", message));
            return None;
        }
        None => {
            let message = format!("`{}` has no `entries`", path.display());
            let help = "write `{ \"entries\": [{ \"op\": \"create\", \"prefix\": \"192.0.2.0/24\", \"action\": \"BLOCK\" }] }`";
            log.error(item.problem(message).help(help));
            return None;
        }
    };
    let mut places = None;
    let (mut list, mut wrong) = (BTreeMap::new(), 0_usize);
    for (index, entry) in entries.iter().enumerate() {
        let Err(why) = apply(&mut list, entry) else {
            continue;
        };
        wrong = wrong.saturating_add(1);
        if wrong <= SHOWN {
            let places = places.get_or_insert_with(|| file.elements("entries"));
            let place = places.get(index).cloned().unwrap_or_default();
            let key_path = format!("{}.entries[{index}]", item.path());
            log.error(file.problem_of_element(place, &key_path, why));
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
