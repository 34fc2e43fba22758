use super::*;
use crate::user_agent::UapCore;

fn detect(user_agent: &str) -> Option<DeviceRecord> {
    let browsers = Arc::new(UapCore);
    Derived { browsers }.detect(user_agent)
}

/// What kinds a device is said to be, of those that it is said of.
fn kinds(facts: &DeviceFacts) -> String {
    let kinds = [
        ("mobile", facts.is_mobile),
        ("tablet", facts.is_tablet),
        ("desktop", facts.is_desktop),
        ("smarttv", facts.is_smarttv),
        ("tvplayer", facts.is_tvplayer),
        ("gameconsole", facts.is_gameconsole),
        ("ereader", facts.is_ereader),
        ("mediaplayer", facts.is_mediaplayer),
    ];
    let unknown = kinds.iter().filter(|(_, is)| is.is_none()).count();
    assert!(unknown == 0 || unknown == kinds.len(), "{facts:?}");
    let are = kinds.iter().filter(|(_, is)| *is == Some(true));
    are.map(|(kind, _)| *kind).collect::<Vec<_>>().join(" ")
}

/// User agent; name, brand and model of the device, its kind, the system.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
        "iPhone|Apple|iPhone|mobile",
        "iOS 17",
    ),
    (
        "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
        "iPad|Apple|iPad|tablet",
        "iOS 16",
    ),
    (
        "Mozilla/5.0 (Linux; Android 14; Pixel 8 Pro) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Mobile Safari/537.36",
        "Pixel 8 Pro|Google|Pixel 8 Pro|mobile",
        "Android 14",
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36",
        "K|||mobile",
        "Android 10",
    ),
    (
        "Mozilla/5.0 (Linux; Android 12; SM-X906C Build/QP1A.190711.020) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0.3987.119 Safari/537.36",
        "Samsung SM-X906C|Samsung|SM-X906C|tablet",
        "Android 12",
    ),
    (
        "Mozilla/5.0 (Android 13; Mobile; rv:109.0) Gecko/114.0 Firefox/114.0",
        "|||mobile",
        "Android 13",
    ),
    (
        "Mozilla/5.0 (Android 13; Tablet; rv:109.0) Gecko/114.0 Firefox/114.0",
        "|||tablet",
        "Android 13",
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36",
        "|||desktop",
        "Windows 10",
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.3 Safari/605.1.15",
        "Mac|Apple|Mac|desktop",
        "Mac OS X 10",
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64; rv:123.0) Gecko/20100101 Firefox/123.0",
        "|||desktop",
        "Linux",
    ),
    (
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36",
        "|||desktop",
        "Chrome OS 14541",
    ),
    (
        "Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15",
        "PlayStation 5|Sony|PlayStation 5|gameconsole",
        "",
    ),
    (
        "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) 76.0.3809.146/6.0 TV Safari/537.36",
        "Samsung SMART-TV|Samsung|SMART-TV|smarttv",
        "Tizen 6",
    ),
    (
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "|||",
        "",
    ),
    ("curl/8.5.0", "|||", ""),
];

#[test]
fn well_known_clients_are_what_their_users_hold_in_their_hands() {
    for (user_agent, expected, system) in KNOWN {
        let record = detect(user_agent).unwrap_or_else(|| panic!("{user_agent}"));
        let facts = &record.device;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let told = [
            text(&facts.name),
            text(&facts.brand),
            text(&facts.model),
            kinds(facts),
        ];
        assert_eq!(told.join("|"), *expected, "{user_agent}");
        let os = format!("{} {}", text(&record.os.name), text(&record.os.major));
        assert_eq!(os.trim(), *system, "{user_agent}");
    }
}

#[test]
fn bots_are_told_from_people_by_both_sdks() {
    let bot = detect("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)");
    let bot = bot.expect("known");
    assert_eq!(
        (bot.user_agent.is_bot, bot.device.is_bot),
        (Some(true), Some(true))
    );
    assert_eq!(bot.user_agent.bot_name.as_deref(), Some("Googlebot"));
    assert_eq!(bot.device.is_mobile, None);
    let person = detect(KNOWN[0].0).expect("known");
    assert_eq!(
        (person.user_agent.is_bot, person.device.is_bot),
        (Some(false), Some(false))
    );
    assert_eq!(person.user_agent.identified, Some(true));
    assert_eq!(person.user_agent.name.as_deref(), Some("Mobile Safari"));
}

#[test]
fn of_nonsense_nothing_is_known() {
    for user_agent in ["", " ", "no browser", "\u{0}\u{ffff}"] {
        assert_eq!(detect(user_agent), None, "{user_agent:?}");
    }
}

#[test]
fn a_record_is_written_without_what_is_not_known() {
    let mut record = DeviceRecord::default();
    assert_eq!(record.to_json(), r#"{"user_agent":{},"os":{},"device":{}}"#);
    record.device.is_tablet = Some(false);
    record.os.name = Some("\"".to_owned());
    let json = r#"{"user_agent":{},"os":{"name":"\""},"device":{"is_tablet":false}}"#;
    assert_eq!(record.to_json(), json);
}

#[test]
fn the_fields_that_a_manifest_may_have_are_those_of_the_record() {
    let known: Vec<String> = DeviceRecord::TABLES
        .iter()
        .flat_map(|(table, fields)| fields.iter().map(move |field| format!("{table}.{field}")))
        .collect();
    for field in &known {
        let (table, name) = field.split_once('.').expect("two");
        let value = if name.starts_with("is_") || name == "identified" {
            "true"
        } else {
            "\"x\""
        };
        let json = format!(r#"{{"{table}":{{"{name}":{value}}}}}"#);
        let record: DeviceRecord = serde_json::from_str(&json).expect(&json);
        assert!(
            record.to_json().contains(&format!("\"{name}\":{value}")),
            "{json}"
        );
    }
    assert_eq!(known.len(), 28);
}
