//! `[local_server.service]`: who the service is. The section is fastlike's own.

use super::connections::number;
use super::problem::Log;
use super::raw::Section;
use crate::identity::Identity;

/// What a program is told of its service; what is not given has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceSettings {
    /// `id`, `version`, `customer_id`, `pop`, `region`, `hostname`, `staging`
    /// and `cache_generation`.
    pub identity: Identity,
    /// `compliance_region`: whose rules apply to requests.
    pub compliance_region: Option<String>,
}

pub(super) fn read(local: &mut Section<'_>, log: &mut Log) -> ServiceSettings {
    let mut settings = ServiceSettings::default();
    let Some(mut section) = local.section("service", log) else {
        return settings;
    };
    let identity = &mut settings.identity;
    identity.service_id = text(&mut section, "id", log);
    identity.customer_id = text(&mut section, "customer_id", log);
    for (key, field) in [
        ("pop", &mut identity.pop),
        ("region", &mut identity.region),
        ("hostname", &mut identity.hostname),
    ] {
        if let Some(text) = text(&mut section, key, log) {
            *field = text;
        }
    }
    if let Some(version) = number(&mut section, "version", log) {
        identity.service_version = version;
    }
    if let Some(yes) = section.boolean("staging", log) {
        identity.staging = yes;
    }
    if let Some(item) = section.take("cache_generation")
        && let Some(generation) = item.integer(log)
    {
        identity.cache_generation = generation;
    }
    settings.compliance_region = text(&mut section, "compliance_region", log);
    section.finish(log);
    settings
}

/// What can stand in an environment variable.
fn text(section: &mut Section<'_>, key: &'static str, log: &mut Log) -> Option<String> {
    let (text, item) = section.string(key, log)?;
    if text.is_empty() || text.contains(char::is_control) {
        log.error(item.problem("it must have a character at least, and no control characters"));
        return None;
    }
    Some(text)
}
