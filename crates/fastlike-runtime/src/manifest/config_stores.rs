//! `[local_server.config_stores.<name>]`, in older files `dictionaries`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::contents::{self, Contents};
use super::json::kind;
use super::problem::{Log, Problem};
use super::raw::{Item, Section};
use super::resolve::Files;
use crate::config_store::check_entry;
use crate::limits;

/// Entries of a config store on the platform.
const PLATFORM_ENTRIES: usize = 500;

/// One config store's entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigStoreSettings {
    /// What is in it.
    pub entries: BTreeMap<String, String>,
    /// The JSON file that they were read from, if not from the manifest.
    pub file: Option<PathBuf>,
}

pub(super) fn read(
    local: &mut Section<'_>,
    files: &Files,
    log: &mut Log,
) -> BTreeMap<String, ConfigStoreSettings> {
    let mut stores = BTreeMap::new();
    for key in ["config_stores", "dictionaries"] {
        let Some(mut section) = local.section(key, log) else {
            continue;
        };
        for item in section.take_all() {
            let name = item.name().to_owned();
            if stores.contains_key(&name) {
                log.error(
                    item.problem_at_key("a config store has this name already")
                        .help("`dictionaries` are config stores by their older name"),
                );
            }
            stores.insert(name, store(item, files, log).unwrap_or_default());
        }
    }
    stores
}

fn store(item: Item<'_>, files: &Files, log: &mut Log) -> Option<ConfigStoreSettings> {
    let mut section = item.section(log)?;
    let contents = contents::take(&mut section, "contents", true, log);
    section.finish(log);
    match contents? {
        Contents::Inline(item) => inline(item, log),
        Contents::Json(item) => json(&item, files, log),
    }
}

fn inline(item: Item<'_>, log: &mut Log) -> Option<ConfigStoreSettings> {
    let whole = item.clone();
    let mut section = item.section(log)?;
    let mut entries = BTreeMap::new();
    for item in section.take_all() {
        let key = item.name().to_owned();
        let Some(value) = item.string(log) else {
            continue;
        };
        check(&key, &value, |message| item.problem_at_key(message), log);
        entries.insert(key, value);
    }
    let store = ConfigStoreSettings {
        entries,
        file: None,
    };
    count(&store, |message| whole.problem_at_key(message), log);
    Some(store)
}

fn json(item: &Item<'_>, files: &Files, log: &mut Log) -> Option<ConfigStoreSettings> {
    let file = files.read_json(item, log)?;
    let mut entries = BTreeMap::new();
    for (key, value) in &file.members {
        match value {
            Value::String(value) => {
                check(key, value, |why| file.problem(key, why), log);
                entries.insert(key.clone(), value.clone());
            }
            other => {
                let message = format!("the value must be a string, not {}", kind(other));
                log.error(file.problem(key, message));
            }
        }
    }
    let store = ConfigStoreSettings {
        entries,
        file: Some(file.path().to_owned()),
    };
    count(&store, |message| item.problem(message), log);
    Some(store)
}

fn check(key: &str, value: &str, at: impl Fn(String) -> Problem, log: &mut Log) {
    if let Err(error) = check_entry(key, value) {
        log.error(at(error.to_string()));
    }
}

/// More than the platform has is a mistake to be found here, not there.
fn count(store: &ConfigStoreSettings, at: impl Fn(String) -> Problem, log: &mut Log) {
    let count = store.entries.len();
    if count > limits::STORE_ENTRIES {
        let most = limits::STORE_ENTRIES;
        log.error(at(format!(
            "there are {count} entries, the limit is {most}"
        )));
    } else if count > PLATFORM_ENTRIES {
        log.warn(at(format!(
            "there are {count} entries; on the platform a config store has at most {PLATFORM_ENTRIES}"
        )));
    }
}
