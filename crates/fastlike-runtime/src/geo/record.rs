//! The record a guest reads, in the JSON its SDK parses.

use serde::{Deserialize, Serialize, Serializer};

/// What the platform writes in a text it does not know.
const UNKNOWN: &str = "?";

/// What the platform writes for an offset it does not know.
const UNKNOWN_OFFSET: i32 = 9999;

/// What is known about an address.
///
/// Serialises to the JSON object that a guest's SDK parses. The Rust SDK turns
/// down an object that misses a field (all but `region`) or has a `null` in it,
/// so every field is always written: what is not known has the platform's value
/// for absent data, which is also what [`GeoRecord::default`] holds.
///
/// Deserialises from any subset of the fields; a missing field or a `null` is
/// "not known", and names that are not in [`GeoRecord::FIELDS`] are skipped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Given")]
pub struct GeoRecord {
    /// Name of the organisation behind `as_number`; `?` when not known.
    pub as_name: String,
    /// Autonomous system number; 0 when not known.
    pub as_number: u32,
    /// Telephone area code (United States, Canada); 0 when not known.
    pub area_code: u16,
    /// City or town; `?` when not known.
    pub city: String,
    /// Link speed: `broadband`, `cable`, `dialup`, `mobile`, `oc12`, `oc3`,
    /// `satellite`, `t1`, `t3`, `ultrabb`, `wireless`, `xdsl`, or `?`.
    pub conn_speed: String,
    /// Link type: `wired`, `wifi`, `mobile`, `dialup`, `satellite`, or `?`.
    pub conn_type: String,
    /// Two-letter continent code (`AF`, `AN`, `AS`, `EU`, `NA`, `OC`, `SA`),
    /// or `?`.
    pub continent: String,
    /// ISO 3166-1 alpha-2 code, upper case, or `?`.
    pub country_code: String,
    /// ISO 3166-1 alpha-3 code, upper case, or `?`.
    pub country_code3: String,
    /// Country name, or `?`.
    pub country_name: String,
    /// The other name of `utc_offset`, which some programs read. Not an
    /// official field of the record: written only when it is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gmt_offset: Option<i32>,
    /// Degrees north, -90 to 90; 0 when not known.
    #[serde(serialize_with = "finite")]
    pub latitude: f64,
    /// Degrees east, -180 to 180; 0 when not known.
    #[serde(serialize_with = "finite")]
    pub longitude: f64,
    /// Designated market area (United States); -1 when not known.
    pub metro_code: i64,
    /// Postal code, or `?`.
    pub postal_code: String,
    /// Kind of proxy in words, such as `vpn` or `tor-exit`; `?` when the
    /// address is not known to be one.
    pub proxy_description: String,
    /// Kind of proxy, such as `anonymous` or `hosting`; `?` when the address
    /// is not known to be one.
    pub proxy_type: String,
    /// ISO 3166-2 subdivision without the country's part (`CA`, not `US-CA`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Offset from UTC as hours times 100 plus minutes: `-700`, `530`. When
    /// not known it is written as 9999, the number SDKs read as "no offset".
    #[serde(serialize_with = "offset_or_9999")]
    pub utc_offset: Option<i32>,
}

impl GeoRecord {
    /// The names a record may have in a manifest or a JSON file: the 18
    /// official ones and `gmt_offset`.
    pub const FIELDS: [&'static str; 19] = [
        "as_name",
        "as_number",
        "area_code",
        "city",
        "conn_speed",
        "conn_type",
        "continent",
        "country_code",
        "country_code3",
        "country_name",
        "gmt_offset",
        "latitude",
        "longitude",
        "metro_code",
        "postal_code",
        "proxy_description",
        "proxy_type",
        "region",
        "utc_offset",
    ];

    /// The record of an unconfigured fastlike: a fictitious network in Austin,
    /// Texas, with all that it does not say empty or zero.
    pub fn fastlike() -> Self {
        Self {
            as_name: "fastlike".into(),
            as_number: 64496,
            area_code: 512,
            city: "Austin".into(),
            conn_speed: "satellite".into(),
            conn_type: "satellite".into(),
            continent: "NA".into(),
            country_code: "US".into(),
            country_code3: "USA".into(),
            country_name: "United States of America".into(),
            gmt_offset: None,
            latitude: 0.0,
            longitude: 0.0,
            metro_code: 0,
            postal_code: String::new(),
            proxy_description: String::new(),
            proxy_type: String::new(),
            region: Some("TX".into()),
            utc_offset: Some(0),
        }
    }

    /// The record that the official local server answers for loopback
    /// addresses.
    pub fn loopback() -> Self {
        Self {
            as_name: "Fastly, Inc".into(),
            as_number: 54113,
            area_code: 415,
            city: "San Francisco".into(),
            conn_speed: "broadband".into(),
            conn_type: "wired".into(),
            continent: "NA".into(),
            country_code: "US".into(),
            country_code3: "USA".into(),
            country_name: "United States of America".into(),
            gmt_offset: None,
            latitude: 37.77869,
            longitude: -122.39557,
            metro_code: 0,
            postal_code: "94107".into(),
            proxy_description: UNKNOWN.into(),
            proxy_type: UNKNOWN.into(),
            region: Some("CA".into()),
            utc_offset: Some(-700),
        }
    }

    /// The JSON object a guest reads.
    pub fn to_json(&self) -> String {
        // Strings and finite numbers always serialise; if that ever changes, a
        // guest sees "no data" rather than the host a panic.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Default for GeoRecord {
    fn default() -> Self {
        Given::default().into()
    }
}

/// A record as a manifest or a JSON file gives it: any subset.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Given {
    as_name: Option<String>,
    as_number: Option<u32>,
    area_code: Option<u16>,
    city: Option<String>,
    conn_speed: Option<String>,
    conn_type: Option<String>,
    continent: Option<String>,
    country_code: Option<String>,
    country_code3: Option<String>,
    country_name: Option<String>,
    gmt_offset: Option<i32>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    metro_code: Option<i64>,
    postal_code: Option<String>,
    proxy_description: Option<String>,
    proxy_type: Option<String>,
    region: Option<String>,
    utc_offset: Option<i32>,
}

impl From<Given> for GeoRecord {
    fn from(given: Given) -> Self {
        let text = |value: Option<String>| value.unwrap_or_else(|| UNKNOWN.into());
        Self {
            as_name: text(given.as_name),
            as_number: given.as_number.unwrap_or(0),
            area_code: given.area_code.unwrap_or(0),
            city: text(given.city),
            conn_speed: text(given.conn_speed),
            conn_type: text(given.conn_type),
            continent: text(given.continent),
            country_code: text(given.country_code),
            country_code3: text(given.country_code3),
            country_name: text(given.country_name),
            gmt_offset: given.gmt_offset,
            latitude: given.latitude.unwrap_or(0.0),
            longitude: given.longitude.unwrap_or(0.0),
            metro_code: given.metro_code.unwrap_or(-1),
            postal_code: text(given.postal_code),
            proxy_description: text(given.proxy_description),
            proxy_type: text(given.proxy_type),
            region: given.region,
            utc_offset: given.utc_offset.filter(|offset| *offset != UNKNOWN_OFFSET),
        }
    }
}

/// JSON has no NaN: it would become a `null`, which the SDK turns down.
fn finite<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(if value.is_finite() { *value } else { 0.0 })
}

fn offset_or_9999<S: Serializer>(value: &Option<i32>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i32(value.unwrap_or(UNKNOWN_OFFSET))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// The fields and types that the Rust SDK 0.13.2 insists on; what it reads
    /// as an enum is any text to it.
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only whether it parses matters")]
    struct SdkRecord {
        as_name: String,
        as_number: u32,
        area_code: u16,
        city: String,
        conn_speed: String,
        conn_type: String,
        continent: String,
        country_code: String,
        country_code3: String,
        country_name: String,
        latitude: f64,
        longitude: f64,
        metro_code: i64,
        postal_code: String,
        proxy_description: String,
        proxy_type: String,
        region: Option<String>,
        utc_offset: i32,
    }

    fn keys(record: &GeoRecord) -> Vec<String> {
        let value: Value = serde_json::from_str(&record.to_json()).unwrap();
        value.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn the_rust_sdk_parses_every_record_however_little_is_known() {
        let nowhere = GeoRecord {
            latitude: f64::NAN,
            longitude: f64::INFINITY,
            ..GeoRecord::default()
        };
        for record in [
            GeoRecord::default(),
            GeoRecord::fastlike(),
            GeoRecord::loopback(),
            nowhere,
        ] {
            serde_json::from_str::<SdkRecord>(&record.to_json()).unwrap();
        }
    }

    #[test]
    fn what_is_not_known_has_the_platforms_value_for_absent_data() {
        let value = serde_json::to_value(GeoRecord::default()).unwrap();
        assert_eq!(value["city"], "?");
        assert_eq!(value["proxy_type"], "?");
        assert_eq!(value["metro_code"], -1);
        assert_eq!(value["utc_offset"], 9999);
        assert_eq!(value.get("region"), None);
        assert_eq!(value.get("gmt_offset"), None);
    }

    #[test]
    fn the_fixed_record_has_the_18_official_fields() {
        let expected = json!({
            "as_name": "fastlike", "as_number": 64496, "area_code": 512, "city": "Austin",
            "conn_speed": "satellite", "conn_type": "satellite", "continent": "NA",
            "country_code": "US", "country_code3": "USA",
            "country_name": "United States of America", "latitude": 0.0, "longitude": 0.0,
            "metro_code": 0, "postal_code": "", "proxy_description": "", "proxy_type": "",
            "region": "TX", "utc_offset": 0,
        });
        assert_eq!(
            serde_json::to_value(GeoRecord::fastlike()).unwrap(),
            expected
        );
        assert_eq!(keys(&GeoRecord::loopback()).len(), 18);
    }

    #[test]
    fn a_subset_of_the_fields_is_a_record() {
        let record: GeoRecord = serde_json::from_value(json!({
            "city": "Kathmandu", "latitude": 27, "postal_code": null, "utc_offset": 545,
            "some_other_key": true,
        }))
        .unwrap();
        let expected = GeoRecord {
            city: "Kathmandu".into(),
            latitude: 27.0,
            utc_offset: Some(545),
            ..GeoRecord::default()
        };
        assert_eq!(record, expected);
    }

    #[test]
    fn a_value_of_the_wrong_type_is_named() {
        let error = serde_json::from_value::<GeoRecord>(json!({ "area_code": 70_000 }));
        assert!(error.unwrap_err().to_string().contains("70000"));
    }

    #[test]
    fn a_record_survives_a_round_trip() {
        let full = GeoRecord {
            gmt_offset: Some(-700),
            ..GeoRecord::loopback()
        };
        for record in [GeoRecord::default(), GeoRecord::fastlike(), full] {
            let back: GeoRecord = serde_json::from_str(&record.to_json()).unwrap();
            assert_eq!(back, record);
        }
    }

    #[test]
    fn the_list_of_fields_is_complete() {
        let full = GeoRecord {
            gmt_offset: Some(0),
            ..GeoRecord::loopback()
        };
        let mut listed: Vec<_> = GeoRecord::FIELDS.iter().map(ToString::to_string).collect();
        let mut written = keys(&full);
        listed.sort();
        written.sort();
        assert_eq!(listed, written);
    }
}
