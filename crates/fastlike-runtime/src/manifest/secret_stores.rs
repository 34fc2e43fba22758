//! `[local_server.secret_stores]`: each an array of secrets, or a JSON file.
//! No message here shows a value, nor a line of a file that holds some.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use toml::de::DeValue;

use super::contents::{is_entry, json_file};
use super::json::kind;
use super::problem::Log;
use super::raw::{Item, Section};
use super::resolve::Files;
use super::surroundings::Surroundings;
use crate::limits;
use crate::secret_store::{Secret, is_name};

/// One secret store's secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretStoreSettings {
    /// What is in it.
    pub secrets: BTreeMap<String, Secret>,
    /// The JSON file that they were read from, if not one by one.
    pub file: Option<PathBuf>,
}

pub(super) fn read(
    local: &mut Section<'_>,
    files: &Files,
    surroundings: Surroundings<'_>,
    log: &mut Log,
) -> BTreeMap<String, SecretStoreSettings> {
    let mut stores = BTreeMap::new();
    let Some(mut section) = local.section("secret_stores", log) else {
        return stores;
    };
    for item in section.take_all() {
        let name = item.name().to_owned();
        if !is_name(&name) {
            log.error(item.problem_at_key(not_a_name("secret store", &name)));
        }
        let store = match item.value() {
            DeValue::Array(_) => Some(array(item, files, surroundings, log)),
            DeValue::Table(_) if is_entry(&item, "secrets", log) => None,
            DeValue::Table(_) => file(item, files, log),
            _ => {
                log.error(
                    item.problem("expected an array of secrets or a table")
                        .help("write `[{ key = \"…\", data = \"…\" }]` or `{ file = \"…\", format = \"json\" }`"),
                );
                None
            }
        };
        stores.insert(name, store.unwrap_or_default());
    }
    stores
}

fn not_a_name(what: &str, name: &str) -> String {
    format!(
        "{name:?} cannot be the name of a {what}: it has 1 to {} letters, digits, `.`, `_` or `-`",
        limits::SECRET_NAME
    )
}

fn array(
    item: Item<'_>,
    files: &Files,
    surroundings: Surroundings<'_>,
    log: &mut Log,
) -> SecretStoreSettings {
    let mut store = SecretStoreSettings::default();
    for item in item.elements() {
        let Some(mut section) = item.clone().section(log) else {
            continue;
        };
        let key = key(&mut section, log);
        let value = value(&mut section, files, surroundings, log);
        section.finish(log);
        let Some((key, value)) = key.zip(value) else {
            continue;
        };
        if store.secrets.insert(key.clone(), value).is_some() {
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
    if !is_name(&key) {
        log.error(item.problem(not_a_name("secret", &key)));
        return None;
    }
    Some(key)
}

fn value(
    section: &mut Section<'_>,
    files: &Files,
    surroundings: Surroundings<'_>,
    log: &mut Log,
) -> Option<Secret> {
    let data = section.take("data");
    let file = section.take("file");
    let env = section.take("env");
    let (item, value) = match (data, file, env) {
        (Some(data), None, None) => {
            let value = data.string(log)?.into_bytes();
            (data, value)
        }
        (None, Some(file), None) => {
            let (_, value) = files.read(&file, log)?;
            (file, value)
        }
        (None, None, Some(env)) => {
            let name = env.string(log)?;
            let value = (surroundings.variable)(&name).unwrap_or_else(|| {
                log.warn(
                    env.problem(format!("the environment variable `{name}` is not set"))
                        .help("until it is, the secret is empty"),
                );
                String::new()
            });
            (env, value.into_bytes())
        }
        (None, None, None) => {
            let help = "give one of `data`, `file` and `env`";
            log.error(section.problem("the secret has no value").help(help));
            return None;
        }
        (data, file, env) => {
            let given: Vec<_> = [data, file, env].into_iter().flatten().collect();
            let names: Vec<_> = given
                .iter()
                .map(|item| format!("`{}`", item.name()))
                .collect();
            let help = "give one of `data`, `file` and `env`";
            log.error(
                section
                    .problem(format!(
                        "the secret has several values: {}",
                        names.join(", ")
                    ))
                    .help(help),
            );
            return None;
        }
    };
    secret(value, |why| item.problem(why), log)
}

fn secret(
    value: Vec<u8>,
    at: impl FnOnce(String) -> super::Problem,
    log: &mut Log,
) -> Option<Secret> {
    match Secret::new(value) {
        Ok(secret) => Some(secret),
        Err(error) => {
            log.error(at(error.to_string()));
            None
        }
    }
}

fn file(item: Item<'_>, files: &Files, log: &mut Log) -> Option<SecretStoreSettings> {
    json(&json_file(item, "secret stores", log)?, files, log)
}

fn json(item: &Item<'_>, files: &Files, log: &mut Log) -> Option<SecretStoreSettings> {
    let mut file = files.read_secret_json(item, log)?;
    let mut secrets = BTreeMap::new();
    for (key, value) in std::mem::take(&mut file.members) {
        if !is_name(&key) {
            log.error(file.problem_at_name(&key, not_a_name("secret", &key)));
            continue;
        }
        match value {
            Value::String(value) => {
                let at = |why| file.problem(&key, why);
                if let Some(secret) = secret(value.into_bytes(), at, log) {
                    secrets.insert(key, secret);
                }
            }
            other => {
                let message = format!("the value must be a string, not {}", kind(&other));
                log.error(file.problem(&key, message));
            }
        }
    }
    Some(SecretStoreSettings {
        secrets,
        file: Some(file.path().to_owned()),
    })
}
