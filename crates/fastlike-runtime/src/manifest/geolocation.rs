//! `[local_server.geolocation]`: what programs are told of an address.

use std::path::PathBuf;

use ipnet::IpNet;
use serde_json::{Map, Number, Value};
use toml::de::DeValue;

use super::contents::{self, Contents};
use super::json::{kind, said};
use super::problem::{Log, Problem};
use super::raw::{Item, Section};
use super::resolve::Files;
use super::surroundings::{Surroundings, Unusable};
use crate::geo::{GeoKeyError, GeoRecord, GeoTable};

/// Where addresses are.
#[derive(Debug, Clone, PartialEq)]
pub struct Geolocation {
    /// `use_default_loopback`: a loopback address that is not in the table
    /// has [`GeoRecord::loopback`]. True if not given.
    pub use_default_loopback: bool,
    /// `addresses`, or what the JSON file holds.
    pub table: GeoTable,
    /// `database`: `MaxMind` databases, asked in this order after the table.
    pub databases: Vec<PathBuf>,
}

impl Default for Geolocation {
    fn default() -> Self {
        Self {
            use_default_loopback: true,
            table: GeoTable::new(),
            databases: Vec::new(),
        }
    }
}

pub(super) fn read(
    local: &mut Section<'_>,
    files: &Files,
    surroundings: Surroundings<'_>,
    log: &mut Log,
) -> Geolocation {
    let Some(mut section) = local.section("geolocation", log) else {
        return Geolocation::default();
    };
    let use_default_loopback = section.boolean("use_default_loopback", log).unwrap_or(true);
    let table = match contents::take(&mut section, "addresses", false, log) {
        Some(Contents::Inline(item)) => from_toml(item, log),
        Some(Contents::Json(item)) => from_json(&item, files, log),
        None => None,
    };
    let databases = databases(&mut section, files, surroundings, log);
    section.finish(log);
    Geolocation {
        use_default_loopback,
        table: table.unwrap_or_default(),
        databases,
    }
}

/// One path, or an array of them.
fn databases(
    section: &mut Section<'_>,
    files: &Files,
    surroundings: Surroundings<'_>,
    log: &mut Log,
) -> Vec<PathBuf> {
    let Some(item) = section.take("database") else {
        return Vec::new();
    };
    let items = if item.value().as_array().is_some() {
        item.elements()
    } else {
        vec![item]
    };
    let mut found = Vec::new();
    for item in &items {
        let Some(path) = files.find(item, log) else {
            continue;
        };
        match (surroundings.geo_database)(&path) {
            Ok(()) => found.push(path),
            Err(unusable) => {
                let Unusable { problem, help } = unusable;
                let problem = format!("the database cannot be used: {problem}");
                log.error(item.problem(problem).help(help));
            }
        }
    }
    found
}

fn from_toml(item: Item<'_>, log: &mut Log) -> Option<GeoTable> {
    let mut section = item.section(log)?;
    let mut table = GeoTable::new();
    for item in section.take_all() {
        let key = item.clone();
        let network = network(item.name(), |message| key.problem_at_key(message), log);
        let Some(fields) = fields(item, log) else {
            continue;
        };
        insert(
            &mut table,
            network,
            fields,
            |message| key.problem_at_key(message),
            log,
        );
    }
    Some(table)
}

/// The fields of an inline record. Each is tried by itself, so that a wrong
/// one is shown where it is.
fn fields(item: Item<'_>, log: &mut Log) -> Option<Map<String, Value>> {
    let mut fields = Map::new();
    for field in item.section(log)?.take_all() {
        let name = field.name().to_owned();
        let Some(value) = json(field.value()) else {
            field.expected::<()>("a string or a number", log);
            continue;
        };
        if !GeoRecord::FIELDS.contains(&name.as_str()) {
            log.warn(
                field
                    .problem_at_key("programs do not know this field")
                    .suggest(&name, &GeoRecord::FIELDS),
            );
        } else if let Err(why) = parse(Map::from_iter([(name.clone(), value.clone())])) {
            log.error(field.problem(why));
        } else {
            fields.insert(name, value);
        }
    }
    Some(fields)
}

fn json(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::from(text.as_ref())),
        DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix())
            .ok()
            .map(Value::from),
        DeValue::Float(n) => n
            .as_str()
            .parse()
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number),
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn from_json(item: &Item<'_>, files: &Files, log: &mut Log) -> Option<GeoTable> {
    let mut file = files.read_json(item, log)?;
    let mut table = GeoTable::new();
    for (address, fields) in std::mem::take(&mut file.members) {
        let network = network(&address, |why| file.problem_at_name(&address, why), log);
        match fields {
            Value::Object(fields) => {
                let at = |why| file.problem(&address, why);
                insert(&mut table, network, fields, at, log);
            }
            other => {
                let message = format!("the value must be an object, not {}", kind(&other));
                log.error(file.problem(&address, message));
            }
        }
    }
    Some(table)
}

fn network(key: &str, at: impl Fn(String) -> Problem, log: &mut Log) -> Option<IpNet> {
    let bad = |error: GeoKeyError| log.error(at(error.to_string()));
    GeoTable::parse_key(key).map_err(bad).ok()
}

fn insert(
    table: &mut GeoTable,
    network: Option<IpNet>,
    fields: Map<String, Value>,
    at: impl Fn(String) -> Problem,
    log: &mut Log,
) {
    let record = match parse(fields) {
        Ok(record) => record,
        Err(why) => return log.error(at(why)),
    };
    if network.is_some_and(|network| table.insert(network, record).is_some()) {
        log.error(at("this address is there twice".to_owned()));
    }
}

fn parse(fields: Map<String, Value>) -> Result<GeoRecord, String> {
    serde_json::from_value(Value::Object(fields)).map_err(|error| said(&error))
}
