//! A device as programs are told of it.

use serde::{Deserialize, Serialize};

/// What is known of a client. What is not known is `None`, which is not the
/// same as `Some(false)`: SDKs tell them apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DeviceRecord {
    /// The browser, or whatever sends the requests.
    pub user_agent: DeviceUserAgent,
    /// The operating system.
    pub os: DeviceOs,
    /// The device itself.
    pub device: DeviceFacts,
}

/// The browser, or whatever sends the requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it")]
pub struct DeviceUserAgent {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub major: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_bot: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_downloader: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_feedreader: Option<bool>,
    /// Something is known of browser, system and device, each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identified: Option<bool>,
}

/// The operating system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it")]
pub struct DeviceOs {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub major: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch_minor: Option<String>,
}

/// The device itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it")]
pub struct DeviceFacts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The kind of device in words, for people to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hwtype: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_ereader: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_gameconsole: Option<bool>,
    /// Plays music or films, and is none of the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_mediaplayer: Option<bool>,
    /// A phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_mobile: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_smarttv: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_tablet: Option<bool>,
    /// A box or stick for a television.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_tvplayer: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_desktop: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_touchscreen: Option<bool>,
    /// The Rust SDK reads it of the user agent, the JavaScript SDK here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_bot: Option<bool>,
}

impl DeviceRecord {
    /// The tables of a record and their fields, as `fastly.toml` has them.
    pub(crate) const TABLES: [(&str, &[&str]); 3] = [
        (
            "user_agent",
            &[
                "name",
                "major",
                "minor",
                "patch",
                "bot_name",
                "is_bot",
                "is_downloader",
                "is_feedreader",
                "identified",
            ],
        ),
        ("os", &["name", "major", "minor", "patch", "patch_minor"]),
        (
            "device",
            &[
                "name",
                "brand",
                "model",
                "hwtype",
                "is_ereader",
                "is_gameconsole",
                "is_mediaplayer",
                "is_mobile",
                "is_smarttv",
                "is_tablet",
                "is_tvplayer",
                "is_desktop",
                "is_touchscreen",
                "is_bot",
            ],
        ),
    ];

    /// The record as SDKs parse it.
    pub(crate) fn to_json(&self) -> String {
        // Text and booleans under fixed names can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}
