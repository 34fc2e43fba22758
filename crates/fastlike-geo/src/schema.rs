//! What is read from a database's row.
//!
//! Databases share a container, not a schema. GeoLite2 and GeoIP2 nest maps
//! (`country.iso_code`); country and city databases of other makers are often
//! flat (`country_code`), some reuse a nested key for a plain text (`city`,
//! `country`), and each picks its own width of number. So every field here is
//! optional, found by its name alone and read as a [`Value`]: one reader
//! serves them all, and rows that mix the forms.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The part of a row that says where.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Place<'a> {
    pub(crate) continent: Value<'a>,
    pub(crate) country: Value<'a>,
    pub(crate) registered_country: Value<'a>,
    pub(crate) subdivisions: Vec<Value<'a>>,
    pub(crate) city: Value<'a>,
    pub(crate) postal: Value<'a>,
    pub(crate) location: Location<'a>,
    // Flat databases.
    pub(crate) continent_code: Value<'a>,
    pub(crate) country_code: Value<'a>,
    pub(crate) country_name: Value<'a>,
    pub(crate) postcode: Value<'a>,
    pub(crate) latitude: Value<'a>,
    pub(crate) longitude: Value<'a>,
    pub(crate) timezone: Value<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Location<'a> {
    pub(crate) latitude: Value<'a>,
    pub(crate) longitude: Value<'a>,
    pub(crate) metro_code: Value<'a>,
    pub(crate) time_zone: Value<'a>,
}

/// The part of a row that says whose network it is and how it is connected.
/// ASN, ISP, Connection-Type and Anonymous-IP databases have these keys at the
/// top of the row, Enterprise databases under `traits`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Network<'a> {
    pub(crate) autonomous_system_number: Value<'a>,
    pub(crate) autonomous_system_organization: Value<'a>,
    pub(crate) isp: Value<'a>,
    pub(crate) organization: Value<'a>,
    // Flat databases; the number is often written `AS64496`.
    pub(crate) asn: Value<'a>,
    pub(crate) as_name: Value<'a>,
    pub(crate) connection_type: Value<'a>,
    pub(crate) is_anonymous: Value<'a>,
    pub(crate) is_anonymous_proxy: Value<'a>,
    pub(crate) is_anonymous_vpn: Value<'a>,
    pub(crate) is_hosting_provider: Value<'a>,
    pub(crate) is_legitimate_proxy: Value<'a>,
    pub(crate) is_public_proxy: Value<'a>,
    pub(crate) is_residential_proxy: Value<'a>,
    pub(crate) is_tor_exit_node: Value<'a>,
}

/// What an Enterprise row says about the network.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Traits<'a> {
    pub(crate) traits: Network<'a>,
}

/// A value of whatever type a database has it in.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Value<'a> {
    /// No such key, or a type that none of our keys can have.
    #[default]
    Absent,
    Flag(bool),
    Integer(u64),
    Float(f64),
    Text(&'a str),
    /// A map with a code, English names, or both.
    Named {
        code: Option<&'a str>,
        name: Option<&'a str>,
    },
}

impl<'a> Value<'a> {
    /// The code of a map.
    pub(crate) fn code(self) -> Option<&'a str> {
        match self {
            Self::Named { code, .. } => code.and_then(known),
            _ => None,
        }
    }

    /// The name in a map, or a plain text.
    pub(crate) fn name(self) -> Option<&'a str> {
        match self {
            Self::Named { name, .. } => name.and_then(known),
            Self::Text(text) => known(text),
            _ => None,
        }
    }

    pub(crate) fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => known(text),
            _ => None,
        }
    }

    pub(crate) fn flag(self) -> bool {
        self == Self::Flag(true)
    }

    pub(crate) fn integer(self) -> Option<u64> {
        match self {
            Self::Integer(number) => Some(number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn float(self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(number),
            Self::Integer(number) => u32::try_from(number).ok().map(f64::from),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }
}

/// Flat databases write an empty text for "not known".
fn known(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asking for a type would fail on any other, a `u32` for a `u16`
        // included.
        deserializer.deserialize_any(ValueVisitor)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Map<'a> {
    code: Value<'a>,
    iso_code: Value<'a>,
    names: Names<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Names<'a> {
    en: Value<'a>,
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let map = Map::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Value::Named {
            code: map.iso_code.text().or_else(|| map.code.text()),
            name: map.names.en.text(),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Absent)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_i32<E>(self, number: i32) -> Result<Self::Value, E> {
        Ok(u64::try_from(number).map_or(Value::Float(f64::from(number)), Value::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_u128<E>(self, _: u128) -> Result<Self::Value, E> {
        Ok(Value::Absent)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Self::Value, E> {
        Ok(Value::Absent)
    }
}
