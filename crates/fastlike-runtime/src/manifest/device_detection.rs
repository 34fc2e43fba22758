//! `[local_server.device_detection]`: what programs are told of a user agent.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use toml::de::DeValue;

use super::contents::{self, Contents};
use super::json::{kind, said};
use super::problem::Log;
use super::raw::{Item, Section};
use super::resolve::Files;
use crate::device::DeviceRecord;

/// Devices by their exact user agent.
pub(super) fn read(
    local: &mut Section<'_>,
    files: &Files,
    log: &mut Log,
) -> BTreeMap<String, DeviceRecord> {
    let Some(mut section) = local.section("device_detection", log) else {
        return BTreeMap::new();
    };
    let devices = match contents::take(&mut section, "user_agents", false, log) {
        Some(Contents::Inline(item)) => from_toml(item, log),
        Some(Contents::Json(item)) => from_json(&item, files, log),
        None => None,
    };
    section.finish(log);
    devices.unwrap_or_default()
}

fn from_toml(item: Item<'_>, log: &mut Log) -> Option<BTreeMap<String, DeviceRecord>> {
    let mut devices = BTreeMap::new();
    for item in item.section(log)?.take_all() {
        let user_agent = item.name().to_owned();
        if let Some(record) = record(item, log) {
            devices.insert(user_agent, record);
        }
    }
    Some(devices)
}

/// An inline record. Each field is tried by itself, so that a wrong one is
/// shown where it is.
fn record(item: Item<'_>, log: &mut Log) -> Option<DeviceRecord> {
    let mut section = item.section(log)?;
    let mut tables = Map::new();
    for (table, known) in DeviceRecord::TABLES {
        let Some(fields) = section.section(table, log) else {
            continue;
        };
        tables.insert(
            table.to_owned(),
            Value::Object(fields_of(fields, table, known, log)),
        );
    }
    section.finish(log);
    parse(Value::Object(tables)).ok()
}

fn fields_of(
    mut section: Section<'_>,
    table: &str,
    known: &[&str],
    log: &mut Log,
) -> Map<String, Value> {
    let mut fields = Map::new();
    for field in section.take_all() {
        let name = field.name().to_owned();
        let value = match field.value() {
            DeValue::String(text) => Value::from(text.as_ref()),
            DeValue::Boolean(yes) => Value::from(*yes),
            _ => {
                field.expected::<()>("a string, `true` or `false`", log);
                continue;
            }
        };
        if !known.contains(&name.as_str()) {
            log.warn(
                field
                    .problem_at_key("programs do not know this field")
                    .suggest(&name, known),
            );
            continue;
        }
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        let alone = Map::from_iter([(table.to_owned(), Value::Object(alone))]);
        match parse(Value::Object(alone)) {
            Ok(_) => {
                fields.insert(name, value);
            }
            Err(why) => log.error(field.problem(why)),
        }
    }
    fields
}

fn from_json(
    item: &Item<'_>,
    files: &Files,
    log: &mut Log,
) -> Option<BTreeMap<String, DeviceRecord>> {
    let mut file = files.read_json(item, log)?;
    let mut devices = BTreeMap::new();
    for (user_agent, mut value) in std::mem::take(&mut file.members) {
        let Value::Object(tables) = &mut value else {
            let message = format!("the value must be an object, not {}", kind(&value));
            log.error(file.problem(&user_agent, message));
            continue;
        };
        for unknown in drop_unknown(tables) {
            let message = format!("programs do not know the field `{unknown}`");
            log.warn(file.problem(&user_agent, message));
        }
        match parse(value) {
            Ok(record) => drop(devices.insert(user_agent, record)),
            Err(why) => log.error(file.problem(&user_agent, why)),
        }
    }
    Some(devices)
}

/// Removes what no SDK reads, and gives its paths.
fn drop_unknown(tables: &mut Map<String, Value>) -> Vec<String> {
    let mut unknown = Vec::new();
    tables.retain(|table, value| {
        let Some((_, known)) = DeviceRecord::TABLES.iter().find(|(name, _)| name == table) else {
            unknown.push(table.clone());
            return false;
        };
        if let Value::Object(fields) = value {
            fields.retain(|field, _| {
                let is_known = known.contains(&field.as_str());
                if !is_known {
                    unknown.push(format!("{table}.{field}"));
                }
                is_known
            });
        }
        // As other tools write what is not known.
        !value.is_null()
    });
    unknown
}

fn parse(value: Value) -> Result<DeviceRecord, String> {
    serde_json::from_value(value).map_err(|error| said(&error))
}
