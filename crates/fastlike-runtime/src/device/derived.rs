//! Devices by uap-core's rules, which know names, and conclusions from them.
//!
//! The rules say which device, system and browser a user agent names; what
//! kind of device that is, they say of few. The rest is concluded from names
//! and from the two words that browsers agree on: those on Android phones say
//! `Mobile`, and those on Android tablets do not. Where nothing can be
//! concluded, nothing is said.

use std::sync::{Arc, LazyLock};

use serde::de::DeserializeOwned;
use ua_parser::{device, os};

use super::{DeviceDetector, DeviceFacts, DeviceOs, DeviceRecord, DeviceUserAgent};
use crate::user_agent::UserAgentParser;

/// The `device_parsers` and `os_parsers` of uap-core's `regexes.yaml` as JSON;
/// `data/README.md` says how they are made.
const DEVICE_RULES: &str = include_str!("../../data/device_parsers.json");
const OS_RULES: &str = include_str!("../../data/os_parsers.json");

// Hundreds of regular expressions: built on the first use only.
static DEVICES: LazyLock<Option<device::Extractor<'static>>> = LazyLock::new(|| {
    let builder = device::Builder::new().push_all(rules(DEVICE_RULES)).ok()?;
    builder.build().ok()
});
static SYSTEMS: LazyLock<Option<os::Extractor<'static>>> = LazyLock::new(|| {
    let builder = os::Builder::new().push_all(rules(OS_RULES)).ok()?;
    builder.build().ok()
});

fn rules<R: DeserializeOwned>(json: &'static str) -> Vec<R> {
    serde_json::from_str(json).unwrap_or_default()
}

/// What can be derived from user agents.
pub(crate) struct Derived {
    /// Knows browsers.
    pub(crate) browsers: Arc<dyn UserAgentParser>,
}

impl DeviceDetector for Derived {
    fn detect(&self, user_agent: &str) -> Option<DeviceRecord> {
        if user_agent.is_empty() {
            return None;
        }
        let browser = self.browsers.parse(user_agent);
        let browser =
            Some(browser).filter(|browser| !matches!(browser.family.as_str(), "" | "Other"));
        let system = SYSTEMS.as_ref()?.extract(user_agent);
        let found = DEVICES.as_ref()?.extract(user_agent);
        if browser.is_none() && system.is_none() && found.is_none() {
            return None;
        }
        let device = found.map(device::ValueRef::into_owned);
        let system = system.map(os::ValueRef::into_owned);
        let name = device.as_ref().map_or("", |device| &device.device);
        let is_bot = name == "Spider";
        let kind = kind(user_agent, device.as_ref(), system.as_ref());
        let identified = browser.is_some() && system.is_some() && device.is_some();
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let mut told = DeviceUserAgent {
            is_bot: Some(is_bot),
            identified: Some(identified),
            ..DeviceUserAgent::default()
        };
        if let Some(browser) = browser {
            told.bot_name = Some(browser.family.clone()).filter(|_| is_bot);
            told.name = some(browser.family);
            told.major = some(browser.major);
            told.minor = some(browser.minor);
            told.patch = some(browser.patch);
        }
        Some(DeviceRecord {
            user_agent: told,
            os: system.map(system_told).unwrap_or_default(),
            device: facts(device, kind, is_bot),
        })
    }
}

fn system_told(system: os::Value) -> DeviceOs {
    DeviceOs {
        name: Some(system.os),
        major: system.major,
        minor: system.minor,
        patch: system.patch,
        patch_minor: system.patch_minor,
    }
}

/// Kinds of devices: a device is of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Smartphone,
    FeaturePhone,
    Tablet,
    Desktop,
    SmartTv,
    TvPlayer,
    GameConsole,
    EReader,
    MediaPlayer,
}

impl Kind {
    fn in_words(self) -> &'static str {
        match self {
            Self::Smartphone | Self::FeaturePhone => "Mobile Phone",
            Self::Tablet => "Tablet",
            Self::Desktop => "Desktop",
            Self::SmartTv => "Smart TV",
            Self::TvPlayer => "TV Player",
            Self::GameConsole => "Game Console",
            Self::EReader => "E-Reader",
            Self::MediaPlayer => "Media Player",
        }
    }
}

fn facts(device: Option<device::Value>, kind: Option<Kind>, is_bot: bool) -> DeviceFacts {
    let mut facts = DeviceFacts {
        is_bot: Some(is_bot),
        ..DeviceFacts::default()
    };
    if let Some(device) = device.filter(|_| !is_bot) {
        // What the rules say where they know no name.
        let is_name = |name: &String| !name.is_empty() && !name.starts_with("Generic");
        facts.brand = device.brand.filter(is_name);
        facts.model = device.model.filter(|_| facts.brand.is_some());
        facts.name = Some(device.device).filter(is_name);
    }
    let Some(kind) = kind else {
        return facts;
    };
    let is = |kinds: &[Kind]| Some(kinds.contains(&kind));
    facts.hwtype = Some(kind.in_words().to_owned());
    facts.is_mobile = is(&[Kind::Smartphone, Kind::FeaturePhone]);
    facts.is_tablet = is(&[Kind::Tablet]);
    facts.is_desktop = is(&[Kind::Desktop]);
    facts.is_smarttv = is(&[Kind::SmartTv]);
    facts.is_tvplayer = is(&[Kind::TvPlayer]);
    facts.is_gameconsole = is(&[Kind::GameConsole]);
    facts.is_ereader = is(&[Kind::EReader]);
    facts.is_mediaplayer = is(&[Kind::MediaPlayer]);
    facts.is_touchscreen = match kind {
        Kind::Smartphone | Kind::Tablet => Some(true),
        Kind::SmartTv | Kind::TvPlayer => Some(false),
        // There are some with and some without.
        Kind::FeaturePhone
        | Kind::Desktop
        | Kind::GameConsole
        | Kind::EReader
        | Kind::MediaPlayer => None,
    };
    facts
}

/// What can be concluded of the kind of a device. Nothing of a bot: it says
/// what it likes.
fn kind(
    user_agent: &str,
    device: Option<&device::Value>,
    system: Option<&os::Value>,
) -> Option<Kind> {
    let name = device.map_or("", |device| &device.device);
    let brand = device.and_then(|device| device.brand.as_deref());
    let model = device.and_then(|device| device.model.as_deref());
    let (brand, model) = (brand.unwrap_or_default(), model.unwrap_or_default());
    if name == "Spider" {
        return None;
    }
    by_name(name, brand, model).or_else(|| by_system(user_agent, system.map_or("", |s| &s.os)))
}

fn by_name(name: &str, brand: &str, model: &str) -> Option<Kind> {
    let begins = |names: &[&str]| names.iter().any(|start| name.starts_with(start));
    if begins(&["PlayStation", "Xbox", "Nintendo", "Wii"]) {
        return Some(Kind::GameConsole);
    }
    if begins(&["AppleTV", "Apple TV", "Chromecast", "Roku"]) {
        return Some(Kind::TvPlayer);
    }
    if begins(&["iPad"]) {
        return Some(Kind::Tablet);
    }
    if begins(&["iPhone"]) {
        return Some(Kind::Smartphone);
    }
    if begins(&["iPod"]) {
        return Some(Kind::MediaPlayer);
    }
    // Those with a Fire in their name are tablets.
    if begins(&["Kindle Fire", "Kindle Tablet"]) || model == "Tablet" {
        return Some(Kind::Tablet);
    }
    if begins(&["Kindle", "Kobo"]) || brand == "Nook" {
        return Some(Kind::EReader);
    }
    match model {
        "Smartphone" => Some(Kind::Smartphone),
        "Feature Phone" => Some(Kind::FeaturePhone),
        "Mac" => Some(Kind::Desktop),
        _ if model.contains("Smart-TV") || model.contains("SMART-TV") => Some(Kind::SmartTv),
        _ => None,
    }
}

fn by_system(user_agent: &str, system: &str) -> Option<Kind> {
    match system {
        "Android" if is_television(user_agent) => Some(Kind::SmartTv),
        "Android" if has_word(user_agent, "Mobile") => Some(Kind::Smartphone),
        "Android" => Some(Kind::Tablet),
        "iOS" => None,
        "Windows Phone" | "BlackBerry OS" | "KaiOS" | "Firefox OS" => Some(Kind::Smartphone),
        "Tizen" | "WebTV" | "webOS" if is_television(user_agent) => Some(Kind::SmartTv),
        "tvOS" | "ATV OS X" => Some(Kind::TvPlayer),
        "Windows" | "Mac OS X" | "Mac OS" | "Chrome OS" | "Ubuntu" | "Fedora" | "Debian"
        | "Linux Mint" | "FreeBSD" | "OpenBSD" | "NetBSD" => Some(Kind::Desktop),
        // Also in many things that are no computers to their owners.
        "Linux" if has_word(user_agent, "X11") && !is_television(user_agent) => Some(Kind::Desktop),
        _ => None,
    }
}

fn is_television(user_agent: &str) -> bool {
    [
        "TV", "SMART-TV", "SmartTV", "GoogleTV", "HbbTV", "BRAVIA", "AFTT", "AFTM", "AFTB",
    ]
    .iter()
    .any(|word| has_word(user_agent, word))
}

/// Whether the word stands between others than letters and digits.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text
            .get(at.saturating_add(word.len())..)
            .and_then(|after| after.chars().next());
        ![before, after]
            .into_iter()
            .flatten()
            .any(|c| c.is_ascii_alphanumeric())
    })
}
