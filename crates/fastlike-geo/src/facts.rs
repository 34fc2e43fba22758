//! From rows to the guest's record.

use fastlike_runtime::GeoRecord;

use crate::countries;
use crate::schema::{Network, Place, Value};

/// What the rows of several databases say together about one address.
///
/// For each fact the first row that states it wins. Facts about a place are
/// taken from a later row only if it agrees on the country: half of one
/// database's answer and half of another's would be a place that is nowhere.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Facts {
    as_name: Option<String>,
    as_number: Option<u32>,
    city: Option<String>,
    /// Speed and type.
    link: Option<(&'static str, &'static str)>,
    continent: Option<String>,
    country_code: Option<String>,
    country_name: Option<String>,
    coordinates: Option<(f64, f64)>,
    metro_code: Option<i64>,
    postal_code: Option<String>,
    /// Description and type.
    proxy: Option<(&'static str, &'static str)>,
    region: Option<String>,
    utc_offset: Option<i32>,
}

impl Facts {
    /// Takes what `place` says and is not known yet.
    pub(crate) fn add_place(&mut self, place: &Place<'_>) {
        let country = [place.country, place.registered_country]
            .into_iter()
            .find(|country| country.code().is_some())
            .unwrap_or(place.country);
        let code = place.country_code.text().or_else(|| country.code());
        if let (Some(mine), Some(theirs)) = (self.country_code.as_deref(), code)
            && !mine.eq_ignore_ascii_case(theirs)
        {
            return;
        }

        let location = &place.location;
        let name = place.country_name.text().or_else(|| country.name());
        let continent = place.continent_code.text();
        let continent = continent.or_else(|| place.continent.code());
        let postal_code = [
            place.postcode.text(),
            place.postal.code(),
            place.postal.name(),
        ];
        // From the largest subdivision to the smallest: a guest expects the
        // most specific one.
        let region = place.subdivisions.iter().rev().find_map(|it| it.code());
        let latitude = location.latitude.float().or_else(|| place.latitude.float());
        let longitude = location
            .longitude
            .float()
            .or_else(|| place.longitude.float());
        let metro_code = location.metro_code.integer();
        let zone = location.time_zone.text().or_else(|| place.timezone.text());

        fill(&mut self.country_code, code);
        fill(&mut self.country_name, name);
        fill(&mut self.continent, continent);
        fill(&mut self.city, place.city.name());
        fill(
            &mut self.postal_code,
            postal_code.into_iter().flatten().next(),
        );
        fill(&mut self.region, region);
        self.coordinates = self.coordinates.or(latitude.zip(longitude));
        self.metro_code = self
            .metro_code
            .or(metro_code.and_then(|code| code.try_into().ok()));
        self.utc_offset = self.utc_offset.or_else(|| fixed_offset(zone?));
    }

    /// Takes what `network` says and is not known yet.
    pub(crate) fn add_network(&mut self, network: &Network<'_>) {
        let numbers = [network.autonomous_system_number, network.asn];
        let number = numbers.into_iter().find_map(as_number);
        let names = [
            network.autonomous_system_organization,
            network.as_name,
            network.isp,
            network.organization,
        ];
        // Name and number belong together: a name may come from a later row
        // only if that row is about the same number.
        if self.as_number.is_none() || number.is_none() || self.as_number == number {
            self.as_number = self.as_number.or(number);
            fill(&mut self.as_name, names.into_iter().find_map(Value::text));
        }
        self.link = self.link.or_else(|| link(network.connection_type.text()?));
        self.proxy = self.proxy.or_else(|| proxy(network));
    }

    /// The record, or `None` when nothing at all was said.
    pub(crate) fn into_record(self) -> Option<GeoRecord> {
        if self == Self::default() {
            return None;
        }
        let mut record = GeoRecord::default();
        if let Some(code) = self.country_code {
            let code = code.to_ascii_uppercase();
            if let Some(country) = countries::country(&code) {
                record.country_code3 = country.alpha3.into();
                record.country_name = country.name.into();
                record.continent = country.continent.into();
            }
            record.country_code = code;
        }
        // What a database says goes before what the country implies.
        put(&mut record.country_name, self.country_name);
        put(&mut record.continent, self.continent);
        put(&mut record.as_name, self.as_name);
        put(&mut record.as_number, self.as_number);
        put(&mut record.city, self.city);
        put(&mut record.metro_code, self.metro_code);
        put(&mut record.postal_code, self.postal_code);
        if let Some((latitude, longitude)) = self.coordinates {
            record.latitude = tidy_degrees(latitude);
            record.longitude = tidy_degrees(longitude);
        }
        if let Some((speed, kind)) = self.link {
            record.conn_speed = speed.into();
            record.conn_type = kind.into();
        }
        if let Some((description, kind)) = self.proxy {
            record.proxy_description = description.into();
            record.proxy_type = kind.into();
        }
        record.region = self.region;
        record.utc_offset = self.utc_offset;
        Some(record)
    }
}

fn fill(slot: &mut Option<String>, found: Option<&str>) {
    if slot.is_none() {
        *slot = found.map(Into::into);
    }
}

fn put<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Some databases hold single-precision degrees, which would reach the guest
/// as 37.75099945068359. Five decimals are a metre.
fn tidy_degrees(degrees: f64) -> f64 {
    (degrees * 1e5).round() / 1e5
}

fn as_number(value: Value<'_>) -> Option<u32> {
    match value.text().and_then(|text| text.strip_prefix("AS")) {
        Some(digits) => digits.parse().ok(),
        None => value.integer()?.try_into().ok(),
    }
}

/// The platform's words for a Connection-Type database's; its own scale is
/// finer, so each word is the plainest that is true.
fn link(connection_type: &str) -> Option<(&'static str, &'static str)> {
    match connection_type {
        "Cable/DSL" | "Corporate" => Some(("broadband", "wired")),
        "Cellular" => Some(("mobile", "mobile")),
        "Satellite" => Some(("satellite", "satellite")),
        "Dialup" => Some(("dialup", "dialup")),
        _ => None,
    }
}

/// The most telling of the flags; one address often has several.
fn proxy(network: &Network<'_>) -> Option<(&'static str, &'static str)> {
    let answers = [
        (network.is_tor_exit_node, ("tor-exit", "anonymous")),
        (network.is_anonymous_vpn, ("vpn", "anonymous")),
        (network.is_public_proxy, ("?", "public")),
        (network.is_residential_proxy, ("?", "anonymous")),
        (network.is_hosting_provider, ("cloud", "hosting")),
        (network.is_legitimate_proxy, ("?", "corporate")),
        (network.is_anonymous_proxy, ("?", "anonymous")),
        (network.is_anonymous, ("?", "anonymous")),
    ];
    answers
        .into_iter()
        .find_map(|(flag, answer)| flag.flag().then_some(answer))
}

/// The offset of a zone that is one by its name. A place's zone
/// (`Europe/Paris`) has an offset only together with a date and a tz database.
fn fixed_offset(zone: &str) -> Option<i32> {
    if matches!(zone, "UTC" | "Etc/UTC" | "GMT" | "Etc/GMT") {
        return Some(0);
    }
    // Signs of these names are POSIX's: `Etc/GMT+5` is five hours behind UTC.
    let (sign, digits) = match zone.strip_prefix("Etc/GMT")?.split_at_checked(1)? {
        ("+", digits) => (-1, digits),
        ("-", digits) => (1, digits),
        _ => return None,
    };
    let hours: u8 = digits.parse().ok()?;
    (hours <= 14).then(|| sign * 100 * i32::from(hours))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named<'a>(code: &'a str, name: &'a str) -> Value<'a> {
        Value::Named {
            code: Some(code),
            name: Some(name),
        }
    }

    fn record(places: &[Place<'_>], networks: &[Network<'_>]) -> Option<GeoRecord> {
        let mut facts = Facts::default();
        places.iter().for_each(|place| facts.add_place(place));
        networks
            .iter()
            .for_each(|network| facts.add_network(network));
        facts.into_record()
    }

    #[test]
    fn rows_that_say_nothing_are_no_record() {
        let empty = Place {
            country_code: Value::Text(""),
            city: named("", " "),
            ..Place::default()
        };
        assert_eq!(record(&[], &[]), None);
        assert_eq!(record(&[empty], &[Network::default()]), None);
    }

    #[test]
    fn a_bare_country_code_gives_all_that_it_implies() {
        let place = Place {
            country_code: Value::Text("jp"),
            ..Place::default()
        };
        let record = record(&[place], &[]).unwrap();
        assert_eq!(record.country_code, "JP");
        assert_eq!(record.country_code3, "JPN");
        assert_eq!(record.country_name, "Japan");
        assert_eq!(record.continent, "AS");
    }

    #[test]
    fn an_unknown_country_code_is_passed_on() {
        let place = Place {
            country_code: Value::Text("QX"),
            ..Place::default()
        };
        let record = record(&[place], &[]).unwrap();
        assert_eq!(record.country_code, "QX");
        assert_eq!(record.country_code3, "?");
    }

    #[test]
    fn the_registered_country_stands_in_for_a_missing_one() {
        let place = Place {
            registered_country: named("AU", "Australia"),
            ..Place::default()
        };
        assert_eq!(record(&[place], &[]).unwrap().country_code, "AU");
    }

    #[test]
    fn the_most_specific_subdivision_is_the_region() {
        let place = Place {
            country: named("GB", "United Kingdom"),
            subdivisions: vec![
                named("ENG", "England"),
                named("OXF", "Oxfordshire"),
                Value::Absent,
            ],
            ..Place::default()
        };
        let region = record(&[place], &[]).unwrap().region;
        assert_eq!(region.as_deref(), Some("OXF"));
    }

    #[test]
    fn a_later_place_adds_details_only_if_it_agrees_on_the_country() {
        let country = || Place {
            country: named("FR", "France"),
            ..Place::default()
        };
        let city = |code| Place {
            country_code: Value::Text(code),
            city: named("", "Metz"),
            ..Place::default()
        };
        assert_eq!(record(&[country(), city("fr")], &[]).unwrap().city, "Metz");
        assert_eq!(record(&[country(), city("DE")], &[]).unwrap().city, "?");
    }

    #[test]
    fn an_as_name_is_never_put_beside_another_networks_number() {
        let first = Network {
            autonomous_system_number: Value::Integer(64496),
            ..Network::default()
        };
        let other = Network {
            autonomous_system_number: Value::Integer(64497),
            autonomous_system_organization: Value::Text("Other"),
            ..Network::default()
        };
        let record = record(&[], &[first, other]).unwrap();
        assert_eq!((record.as_number, record.as_name.as_str()), (64496, "?"));
    }

    #[test]
    fn as_numbers_are_read_in_both_spellings() {
        assert_eq!(as_number(Value::Text("AS64496")), Some(64496));
        assert_eq!(as_number(Value::Text("64496")), Some(64496));
        assert_eq!(as_number(Value::Integer(64496)), Some(64496));
        assert_eq!(as_number(Value::Integer(u64::MAX)), None);
        assert_eq!(as_number(Value::Text("ASx")), None);
        assert_eq!(as_number(Value::Absent), None);
    }

    #[test]
    fn the_most_telling_proxy_flag_wins() {
        let tor = Network {
            is_anonymous: Value::Flag(true),
            is_hosting_provider: Value::Flag(true),
            is_tor_exit_node: Value::Flag(true),
            ..Network::default()
        };
        let record = record(&[], &[tor]).unwrap();
        assert_eq!(record.proxy_description, "tor-exit");
        assert_eq!(record.proxy_type, "anonymous");
    }

    #[test]
    fn only_zones_that_are_an_offset_have_one() {
        assert_eq!(fixed_offset("Etc/UTC"), Some(0));
        assert_eq!(fixed_offset("Etc/GMT+5"), Some(-500));
        assert_eq!(fixed_offset("Etc/GMT-14"), Some(1400));
        for zone in [
            "Europe/Paris",
            "Etc/GMT+99",
            "Etc/GMT+",
            "Etc/GMT5",
            "Etc/GMTé",
            "",
        ] {
            assert_eq!(fixed_offset(zone), None, "{zone}");
        }
    }

    #[test]
    fn degrees_lose_the_noise_of_single_precision() {
        assert_eq!(tidy_degrees(f64::from(37.751_f32)), 37.751);
        assert_eq!(tidy_degrees(-122.39557), -122.39557);
    }
}
