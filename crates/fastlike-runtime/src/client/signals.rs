//! What is known of a client by other means than its request: bots, proxies,
//! attacks. The platform finds it out; here it is configured, or told by a
//! peer that is trusted, in headers.

use http::header::{HeaderMap, HeaderName};

/// All header names of signals begin so, which a look at each name of a
/// request tells faster than asking for all of them.
const PREFIX: &str = "x-fastly-";

const BOT: [&str; 5] = [
    "x-fastly-bot-analyzed",
    "x-fastly-bot-detected",
    "x-fastly-bot-name",
    "x-fastly-bot-category",
    "x-fastly-bot-verified",
];
const VPN_PROXY: &str = "x-fastly-resvpnproxy-";
const VPN_SERVICE_NAME: &str = "x-fastly-resvpnproxy-vpn-service-name";
const DDOS: &str = "x-fastly-ddos-detected";
const OH_FINGERPRINT: &str = "x-fastly-oh-fingerprint";

/// The kinds of bots in the order of their numbers.
pub(crate) const CATEGORIES: [&str; 15] = [
    "none",
    "suspected",
    "accessibility",
    "ai-crawler",
    "ai-fetcher",
    "content-fetcher",
    "monitoring-site-tools",
    "online-marketing",
    "page-preview",
    "platform-integration",
    "research",
    "search-engine-crawler",
    "search-engine-optimization",
    "security-tools",
    "headless",
];

/// What is known of a client beyond its request; by default, nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientSignals {
    /// What bot detection found; none if it did not look.
    pub bot: Option<BotSignals>,
    /// What is known of the client's address as that of a proxy or VPN.
    pub vpn_proxy: Option<VpnProxySignals>,
    /// Whether the request is part of an attack.
    pub ddos_detected: Option<bool>,
    /// The region whose rules apply (`us`, `eu`); none is `none`.
    pub compliance_region: Option<String>,
    /// The fingerprint of the client's original headers. How the platform
    /// makes it is not public, so it is never made here.
    pub oh_fingerprint: Option<String>,
}

/// What bot detection found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BotSignals {
    /// The client is a bot.
    pub detected: bool,
    /// Which one: `GoogleBot`.
    pub name: Option<String>,
    /// What kind of bot, in words: `AI-CRAWLER`.
    pub category: Option<String>,
    /// The number of that kind: 3 is an AI crawler.
    pub category_kind: Option<u32>,
    /// Whether the bot is who it says it is.
    pub verified: Option<bool>,
}

impl BotSignals {
    /// A bot of a kind, `ai-crawler` or its number, `3`.
    pub fn of_category(category: &str) -> Self {
        Self {
            detected: true,
            category_kind: kind_of(category),
            category: Some(category.to_owned()),
            ..Self::default()
        }
    }
}

/// What is known of an address as that of a proxy or VPN.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the platform's ten answers, independent of each other"
)]
pub struct VpnProxySignals {
    /// It is of at least one of the other kinds.
    pub is_anonymous: bool,
    /// An exit of a VPN.
    pub is_anonymous_vpn: bool,
    /// Of a hosting provider or data centre.
    pub is_hosting_provider: bool,
    /// A proxy over a VPN.
    pub is_proxy_over_vpn: bool,
    /// A public proxy.
    pub is_public_proxy: bool,
    /// A relay.
    pub is_relay_proxy: bool,
    /// A proxy in somebody's home.
    pub is_residential_proxy: bool,
    /// An exit of a `SmartDNS` service.
    pub is_smart_dns_proxy: bool,
    /// A Tor exit.
    pub is_tor_exit_node: bool,
    /// Of a data centre known for VPNs.
    pub is_vpn_datacenter: bool,
    /// The VPN service's name.
    pub service_name: Option<String>,
}

impl VpnProxySignals {
    /// It is of one kind at least: SDKs ask for no other if this is not known.
    pub(crate) fn is_any(&self) -> bool {
        self.is_anonymous
            || self.is_anonymous_vpn
            || self.is_hosting_provider
            || self.is_proxy_over_vpn
            || self.is_public_proxy
            || self.is_relay_proxy
            || self.is_residential_proxy
            || self.is_smart_dns_proxy
            || self.is_tor_exit_node
            || self.is_vpn_datacenter
    }
}

impl ClientSignals {
    /// What a trusted peer's headers say; empty for any other's.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
        let flag = |name: &str| text(name).map(|value| is_true(&value));
        let [analyzed, detected, name, category, verified] = BOT;
        let bot = flag(analyzed).unwrap_or_default().then(|| BotSignals {
            detected: flag(detected).unwrap_or_default(),
            name: text(name),
            category_kind: text(category).as_deref().and_then(kind_of),
            category: text(category),
            verified: flag(verified),
        });
        let told = |name: &HeaderName| name.as_str().starts_with(VPN_PROXY);
        let vpn_proxy = headers.keys().any(told).then(|| {
            let is = |what: &str| flag(&format!("{VPN_PROXY}{what}")).unwrap_or_default();
            VpnProxySignals {
                is_anonymous: is("is-anonymous"),
                is_anonymous_vpn: is("is-anonymous-vpn"),
                is_hosting_provider: is("is-hosting-provider"),
                is_proxy_over_vpn: is("is-proxy-over-vpn"),
                is_public_proxy: is("is-public-proxy"),
                is_relay_proxy: is("is-relay-proxy"),
                is_residential_proxy: is("is-residential-proxy"),
                is_smart_dns_proxy: is("is-smart-dns-proxy"),
                is_tor_exit_node: is("is-tor-exit-node"),
                is_vpn_datacenter: is("is-vpn-datacenter"),
                service_name: text(VPN_SERVICE_NAME),
            }
        });
        Self {
            bot,
            vpn_proxy,
            ddos_detected: flag(DDOS),
            compliance_region: None,
            oh_fingerprint: text(OH_FINGERPRINT),
        }
    }

    /// What `self` leaves open is as in `other`.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            bot: self.bot.or(other.bot),
            vpn_proxy: self.vpn_proxy.or(other.vpn_proxy),
            ddos_detected: self.ddos_detected.or(other.ddos_detected),
            compliance_region: self.compliance_region.or(other.compliance_region),
            oh_fingerprint: self.oh_fingerprint.or(other.oh_fingerprint),
        }
    }
}

/// Whether the request has headers that only a trusted peer may send.
pub(crate) fn has_headers(headers: &HeaderMap) -> bool {
    headers.keys().any(is_signal)
}

/// Removes what only a trusted peer may say.
pub(crate) fn strip_headers(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> = headers.keys().filter(|n| is_signal(n)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

fn is_signal(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with(PREFIX)
        && (BOT.contains(&name)
            || name == DDOS
            || name == OH_FINGERPRINT
            || name.starts_with(VPN_PROXY))
}

fn is_true(value: &str) -> bool {
    value == "1" || value.eq_ignore_ascii_case("true")
}

/// The number of a kind of bot, given as such or in words.
fn kind_of(category: &str) -> Option<u32> {
    if let Ok(number) = category.parse() {
        return Some(number);
    }
    let place = CATEGORIES
        .iter()
        .position(|known| known.eq_ignore_ascii_case(category))?;
    u32::try_from(place).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(n, v)| (HeaderName::from_static(n), v.parse().expect("a value")))
            .collect()
    }

    #[test]
    fn a_bot_is_told_in_headers() {
        let told = headers(&[
            ("x-fastly-bot-analyzed", "true"),
            ("x-fastly-bot-detected", "1"),
            ("x-fastly-bot-category", "AI-Crawler"),
            ("x-fastly-bot-verified", "false"),
        ]);
        let bot = ClientSignals::from_headers(&told).bot.expect("analyzed");
        assert!(bot.detected);
        assert_eq!(bot.category_kind, Some(3));
        assert_eq!((bot.name, bot.verified), (None, Some(false)));
        let not = headers(&[("x-fastly-bot-detected", "true")]);
        assert_eq!(ClientSignals::from_headers(&not), ClientSignals::default());
    }

    #[test]
    fn a_category_is_a_word_or_a_number() {
        assert_eq!(kind_of("none"), Some(0));
        assert_eq!(kind_of("headless"), Some(14));
        assert_eq!(kind_of("99"), Some(99));
        assert_eq!(kind_of("postman"), None);
    }

    #[test]
    fn only_headers_of_signals_are_stripped() {
        let mut all = headers(&[
            ("x-fastly-bot-name", "a"),
            ("x-fastly-bots", "b"),
            ("x-fastly-resvpnproxy-is-anonymous", "1"),
            ("x-fastly-ddos-detected", "1"),
            ("x-fastly-oh-fingerprint", "1f:2e"),
            ("accept", "*/*"),
        ]);
        assert!(has_headers(&all));
        strip_headers(&mut all);
        assert!(!has_headers(&all));
        let mut left: Vec<_> = all.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "x-fastly-bots"]);
    }
}
