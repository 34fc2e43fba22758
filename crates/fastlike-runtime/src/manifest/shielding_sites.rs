//! `[local_server.shielding_sites]`: where other POPs are, and which one the
//! program runs at.

use std::collections::BTreeMap;

use super::problem::Log;
use super::raw::{Item, Section};
use crate::backend::Origin;
use crate::limits;
use crate::shield::ShieldSite;

/// The word for the POP that the program runs at.
const LOCAL: &str = "Local";

pub(super) fn read(local: &mut Section<'_>, log: &mut Log) -> BTreeMap<String, ShieldSite> {
    let Some(mut section) = local.section("shielding_sites", log) else {
        return BTreeMap::new();
    };
    let mut sites = BTreeMap::new();
    for item in section.take_all() {
        let name = item.name().to_owned();
        if name.is_empty() || name.len() > limits::SHIELD_NAME {
            let most = limits::SHIELD_NAME;
            log.error(item.problem_at_key(format!("a shield's name has 1 to {most} bytes")));
        }
        if let Some(site) = site(item, log) {
            sites.insert(name, site);
        }
    }
    sites
}

fn site(item: Item<'_>, log: &mut Log) -> Option<ShieldSite> {
    if let Some(word) = item.value().as_str() {
        if word.eq_ignore_ascii_case(LOCAL) {
            return Some(ShieldSite::Running);
        }
        log.error(item.problem(format!("{word:?} is not a place")).help(HELP));
        return None;
    }
    if !item.value().is_table() {
        let found = item.describe();
        let problem = item.problem(format!("expected `\"Local\"` or a table, found {found}"));
        log.error(problem.help(HELP));
        return None;
    }
    let mut section = item.section(log)?;
    let plain = url(&mut section, "unencrypted", log);
    let tls = url(&mut section, "encrypted", log);
    section.finish(log);
    Some(ShieldSite::At {
        plain: plain?,
        tls: tls?,
    })
}

const HELP: &str = "write `\"Local\"` if the program runs there, else \
    `{ unencrypted = \"http://…\", encrypted = \"https://…\" }`";

fn url(section: &mut Section<'_>, key: &'static str, log: &mut Log) -> Option<String> {
    let Some(item) = section.take(key) else {
        let missing = section.problem(format!("`{key}` is missing"));
        log.error(missing.help("a shield has an `unencrypted` and an `encrypted` URL"));
        return None;
    };
    let url = item.string(log)?;
    if let Err(error) = Origin::new(&url) {
        log.error(item.problem(error.to_string()));
        return None;
    }
    Some(url)
}
