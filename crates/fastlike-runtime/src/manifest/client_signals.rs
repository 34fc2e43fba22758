//! `[local_server.client_signals]`: what is known of clients by their
//! addresses. The section is fastlike's own.

use std::net::IpAddr;

use ipnet::IpNet;
use toml::de::DeValue;

use super::problem::Log;
use super::raw::{Item, Section};
use crate::client::{BotSignals, ClientSignals, VpnProxySignals};
use crate::geo::GeoTable;

/// The key that stands for every address.
const DEFAULT: &str = "default";

/// What is known of clients, by address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientSignalSettings {
    /// What is known of clients in networks, the smallest networks first.
    pub networks: Vec<(IpNet, ClientSignals)>,
    /// `default`: what holds for everybody, but for what a network says.
    pub default: ClientSignals,
}

impl ClientSignalSettings {
    /// Whether nothing is known of anybody.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is known of a client: what the smallest of its networks says and,
    /// where that says nothing, what holds for everybody.
    pub fn of(&self, address: Option<IpAddr>) -> ClientSignals {
        let address = address.map(|address| address.to_canonical());
        let known = self
            .networks
            .iter()
            .find(|(network, _)| address.is_some_and(|address| network.contains(&address)));
        let signals = known.map(|(_, signals)| signals.clone());
        signals.unwrap_or_default().or(self.default.clone())
    }
}

pub(super) fn read(local: &mut Section<'_>, log: &mut Log) -> ClientSignalSettings {
    let mut settings = ClientSignalSettings::default();
    let Some(mut section) = local.section("client_signals", log) else {
        return settings;
    };
    for item in section.take_all() {
        let key = item.clone();
        if item.name() == DEFAULT {
            settings.default = signals(item, log).unwrap_or_default();
            continue;
        }
        let network = match GeoTable::parse_key(item.name()) {
            Ok(network) => network,
            Err(error) => {
                let help = "write an address, a network as \"192.0.2.0/24\", or `default`";
                log.error(item.problem_at_key(error.to_string()).help(help));
                continue;
            }
        };
        let Some(signals) = signals(item, log) else {
            continue;
        };
        if settings.networks.iter().any(|(other, _)| *other == network) {
            log.error(key.problem_at_key("this network is there twice"));
        }
        settings.networks.push((network, signals));
    }
    let size = |network: &IpNet| u32::from(network.max_prefix_len() - network.prefix_len());
    settings
        .networks
        .sort_by_key(|(network, _)| (size(network), *network));
    settings
}

fn signals(item: Item<'_>, log: &mut Log) -> Option<ClientSignals> {
    let mut section = item.section(log)?;
    let signals = ClientSignals {
        bot: bot(&mut section, log),
        vpn_proxy: vpn_proxy(&mut section, log),
        ddos_detected: section.boolean("ddos_detected", log),
        compliance_region: text(&mut section, "compliance_region", log),
        oh_fingerprint: text(&mut section, "oh_fingerprint", log),
    };
    section.finish(log);
    Some(signals)
}

fn text(section: &mut Section<'_>, key: &'static str, log: &mut Log) -> Option<String> {
    section.string(key, log).map(|(text, _)| text)
}

fn bot(section: &mut Section<'_>, log: &mut Log) -> Option<BotSignals> {
    let mut section = section.section("bot", log)?;
    let category = category(&mut section, log);
    let mut bot = match &category {
        Some((category, _)) => BotSignals::of_category(category),
        None => BotSignals::default(),
    };
    if let Some((word, item)) = &category
        && bot.category_kind.is_none()
    {
        let problem = item.problem(format!("programs do not know the category `{word}`"));
        log.warn(problem.suggest(word, &crate::client::BOT_CATEGORIES));
    }
    bot.detected = section.boolean("detected", log).unwrap_or(true);
    bot.name = text(&mut section, "name", log);
    bot.verified = section.boolean("verified", log);
    section.finish(log);
    Some(bot)
}

/// A kind of bot, in words or by its number.
fn category<'a>(section: &mut Section<'a>, log: &mut Log) -> Option<(String, Item<'a>)> {
    let item = section.take("category")?;
    let category = match item.value() {
        DeValue::Integer(_) => item.integer(log)?.to_string(),
        DeValue::String(word) => word.to_string(),
        _ => return item.expected("a kind of bot or its number", log),
    };
    Some((category, item))
}

fn vpn_proxy(section: &mut Section<'_>, log: &mut Log) -> Option<VpnProxySignals> {
    let mut section = section.section("vpn_proxy", log)?;
    let mut is = |key| section.boolean(key, log).unwrap_or(false);
    let mut signals = VpnProxySignals {
        is_anonymous: is("is_anonymous"),
        is_anonymous_vpn: is("is_anonymous_vpn"),
        is_hosting_provider: is("is_hosting_provider"),
        is_proxy_over_vpn: is("is_proxy_over_vpn"),
        is_public_proxy: is("is_public_proxy"),
        is_relay_proxy: is("is_relay_proxy"),
        is_residential_proxy: is("is_residential_proxy"),
        is_smart_dns_proxy: is("is_smart_dns_proxy"),
        is_tor_exit_node: is("is_tor_exit_node"),
        is_vpn_datacenter: is("is_vpn_datacenter"),
        service_name: None,
    };
    signals.service_name = text(&mut section, "service_name", log);
    section.finish(log);
    Some(signals)
}
