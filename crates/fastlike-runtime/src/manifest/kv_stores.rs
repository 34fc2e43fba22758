//! `[local_server.kv_stores]`: each an array of entries, or a JSON file. In
//! older files `object_stores` or `object_store`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use serde_json::{Map, Value};
use toml::de::DeValue;

use super::contents::{is_entry, json_file};
use super::json::{JsonFile, kind};
use super::problem::{Log, Problem};
use super::raw::{Item, Section};
use super::resolve::Files;
use crate::kv::{KvSeed, check_key};
use crate::limits;

/// What one KV store begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KvStoreSettings {
    /// What is in it at first.
    pub entries: BTreeMap<String, KvSeed>,
    /// The JSON file that they were read from, if not one by one.
    pub file: Option<PathBuf>,
}

pub(super) fn read(
    local: &mut Section<'_>,
    files: &Files,
    log: &mut Log,
) -> BTreeMap<String, KvStoreSettings> {
    let mut stores = BTreeMap::new();
    for key in ["kv_stores", "object_stores", "object_store"] {
        let Some(mut section) = local.section(key, log) else {
            continue;
        };
        for item in section.take_all() {
            let name = item.name().to_owned();
            if name.is_empty() || name.len() > limits::STORE_NAME {
                let max = limits::STORE_NAME;
                log.error(item.problem_at_key(format!("the name of a store has 1 to {max} bytes")));
            }
            if stores.contains_key(&name) {
                log.error(
                    item.problem_at_key("a KV store has this name already")
                        .help("`object_stores` are KV stores by their older name"),
                );
            }
            stores.insert(name, store(item, files, log).unwrap_or_default());
        }
    }
    stores
}

fn store(item: Item<'_>, files: &Files, log: &mut Log) -> Option<KvStoreSettings> {
    match item.value() {
        DeValue::Array(_) => Some(array(item, files, log)),
        DeValue::Table(_) if is_entry(&item, "entries", log) => None,
        DeValue::Table(_) => file(item, files, log),
        _ => {
            let help =
                "write `[{ key = \"…\", data = \"…\" }]` or `{ file = \"…\", format = \"json\" }`";
            log.error(
                item.problem("expected an array of entries or a table")
                    .help(help),
            );
            None
        }
    }
}

fn array(item: Item<'_>, files: &Files, log: &mut Log) -> KvStoreSettings {
    let mut store = KvStoreSettings::default();
    for item in item.elements() {
        let Some(mut section) = item.clone().section(log) else {
            continue;
        };
        let key = key(&mut section, log);
        let value = value(&mut section, files, log);
        let metadata = section.take("metadata");
        let metadata = metadata.map(|item| metadata_in(&item, log));
        section.finish(log);
        let Some((key, value)) = key.zip(value) else {
            continue;
        };
        let seed = KvSeed {
            value,
            metadata: metadata.flatten().unwrap_or_default(),
        };
        if store.entries.insert(key.clone(), seed).is_some() {
            log.warn(item.problem_at_key(format!("{key:?} is there twice; the later counts")));
        }
    }
    store
}

fn key(section: &mut Section<'_>, log: &mut Log) -> Option<String> {
    let Some(item) = section.take("key") else {
        log.error(section.problem("`key` is missing"));
        return None;
    };
    let key = item.string(log)?;
    match check_key(&key) {
        Ok(()) => Some(key),
        Err(why) => {
            log.error(item.problem(why.to_string()));
            None
        }
    }
}

fn value(section: &mut Section<'_>, files: &Files, log: &mut Log) -> Option<Bytes> {
    let data = section.take("data");
    let file = section.take("file");
    let path = section.take("path");
    let help = "give one of `data` and `file`";
    let (item, value) = match (data, file.or(path)) {
        (Some(data), None) => {
            let value = data.string(log)?.into_bytes();
            (data, value)
        }
        (None, Some(file)) => {
            let (_, value) = files.read(&file, log)?;
            (file, value)
        }
        (None, None) => {
            log.error(section.problem("the entry has no value").help(help));
            return None;
        }
        (Some(_), Some(file)) => {
            log.error(file.problem_at_key("`data` is there, too").help(help));
            return None;
        }
    };
    limited(value, |why| item.problem(why), log)
}

fn metadata_in(item: &Item<'_>, log: &mut Log) -> Option<Bytes> {
    let metadata = item.string(log)?;
    short(metadata, |why| item.problem(why), log)
}

fn limited(value: Vec<u8>, at: impl FnOnce(String) -> Problem, log: &mut Log) -> Option<Bytes> {
    let (length, max) = (value.len(), limits::KV_VALUE);
    if length > max {
        log.error(at(format!(
            "the value has {length} bytes, the limit is {max}"
        )));
        return None;
    }
    Some(value.into())
}

fn short(metadata: String, at: impl FnOnce(String) -> Problem, log: &mut Log) -> Option<Bytes> {
    let (length, max) = (metadata.len(), limits::KV_METADATA);
    if length > max {
        log.error(at(format!(
            "the metadata has {length} bytes, the limit is {max}"
        )));
        return None;
    }
    Some(metadata.into())
}

fn file(item: Item<'_>, files: &Files, log: &mut Log) -> Option<KvStoreSettings> {
    let item = json_file(item, "KV stores", log)?;
    let mut file = files.read_json(&item, log)?;
    let mut entries = BTreeMap::new();
    for (key, value) in std::mem::take(&mut file.members) {
        let entry = Entry {
            file: &file,
            key: &key,
        };
        if let Some(seed) = entry.read(value, files, log) {
            entries.insert(key, seed);
        }
    }
    Some(KvStoreSettings {
        entries,
        file: Some(file.path().to_owned()),
    })
}

/// One entry of a JSON file.
struct Entry<'a> {
    file: &'a JsonFile,
    key: &'a str,
}

impl Entry<'_> {
    fn problem(&self, message: &str) -> Problem {
        self.file.problem(self.key, message)
    }

    fn read(&self, value: Value, files: &Files, log: &mut Log) -> Option<KvSeed> {
        if let Err(why) = check_key(self.key) {
            let message = format!("{:?}: {why}", self.key);
            log.error(self.file.problem_at_name(self.key, message));
            return None;
        }
        match value {
            Value::String(text) => {
                let value = limited(text.into_bytes(), |why| self.problem(&why), log)?;
                Some(value.into())
            }
            Value::Object(object) => self.object(object, files, log),
            other => {
                let found = kind(&other);
                let message = format!("expected a string or an object, not {found}");
                log.error(self.problem(&message));
                None
            }
        }
    }

    fn object(
        &self,
        mut object: Map<String, Value>,
        files: &Files,
        log: &mut Log,
    ) -> Option<KvSeed> {
        let data = self.text(&mut object, "data", log);
        let file = self.text(&mut object, "file", log);
        let metadata = self.text(&mut object, "metadata", log).unwrap_or_default();
        for unknown in object.keys() {
            log.warn(self.problem(&format!("unknown key `{unknown}`, ignored")));
        }
        let value = match (data, file) {
            (Some(data), None) => data.into_bytes(),
            (None, Some(name)) => files.read_named(&name, |why| self.problem(&why), log)?.1,
            (None, None) | (Some(_), Some(_)) => {
                log.error(self.problem("it needs one of `data` and `file`"));
                return None;
            }
        };
        Some(KvSeed {
            value: limited(value, |why| self.problem(&why), log)?,
            metadata: short(metadata, |why| self.problem(&why), log)?,
        })
    }

    fn text(&self, object: &mut Map<String, Value>, key: &str, log: &mut Log) -> Option<String> {
        match object.remove(key)? {
            Value::String(text) => Some(text),
            other => {
                let found = kind(&other);
                log.error(self.problem(&format!("`{key}` must be a string, not {found}")));
                None
            }
        }
    }
}
