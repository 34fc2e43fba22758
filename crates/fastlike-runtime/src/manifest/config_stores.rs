//! `[local_server.config_stores.<name>]`, in older files `dictionaries`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::contents::{self, Contents};
use super::problem::{Log, Problem};
use super::raw::{Item, Section};
use super::resolve::{Files, kind};

/// The longest key of an entry, in bytes; the platform's limit.
const KEY_BYTES: usize = 256;

/// The longest value of an entry, in characters; the platform's limit.
const VALUE_CHARS: usize = 8000;

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
    let mut section = item.section(log)?;
    let mut entries = BTreeMap::new();
    for item in section.take_all() {
        let key = item.name().to_owned();
        let Some(value) = item.string(log) else {
            continue;
        };
        too_long(&key, &value, |message| item.problem_at_key(message), log);
        entries.insert(key, value);
    }
    Some(ConfigStoreSettings {
        entries,
        file: None,
    })
}

fn json(item: &Item<'_>, files: &Files, log: &mut Log) -> Option<ConfigStoreSettings> {
    let (path, object) = files.read_json(item, log)?;
    let mut entries = BTreeMap::new();
    for (key, value) in object {
        let at = |message: String| item.problem(format!("in `{}`: {message}", path.display()));
        match value {
            Value::String(value) => {
                too_long(&key, &value, at, log);
                entries.insert(key, value);
            }
            other => log.error(at(format!(
                "the value of {key:?} must be a string, not {}",
                kind(&other)
            ))),
        }
    }
    Some(ConfigStoreSettings {
        entries,
        file: Some(path),
    })
}

fn too_long(key: &str, value: &str, at: impl Fn(String) -> Problem, log: &mut Log) {
    if key.len() > KEY_BYTES {
        let start: String = key.chars().take(20).collect();
        log.error(at(format!(
            "the key `{start}…` has {} bytes, the limit is {KEY_BYTES}",
            key.len()
        )));
    }
    let chars = value.chars().count();
    if chars > VALUE_CHARS {
        let start: String = key.chars().take(20).collect();
        log.error(at(format!(
            "the value of `{start}` has {chars} characters, the limit is {VALUE_CHARS}"
        )));
    }
}
