//! `[local_server.env]`: environment variables of the program.

use std::collections::BTreeMap;

use super::problem::Log;
use super::raw::Section;

/// Variables that begin so are the platform's.
const PLATFORM: &str = "FASTLY_";

pub(super) fn read(local: &mut Section<'_>, log: &mut Log) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let Some(mut section) = local.section("env", log) else {
        return variables;
    };
    for item in section.take_all() {
        let name = item.name().to_owned();
        if name.is_empty() || name.contains(['=', '\0']) {
            log.error(item.problem_at_key("this cannot be the name of a variable"));
        } else if name.starts_with(PLATFORM) {
            let help = "what they say is in [local_server.service]: `id`, `version`, `pop`, …";
            let problem = item.problem_at_key("variables of this prefix are the platform's");
            log.error(problem.help(help));
        }
        let Some(value) = item.string(log) else {
            continue;
        };
        if value.contains('\0') {
            log.error(item.problem("a variable cannot hold a NUL"));
        }
        variables.insert(name, value);
    }
    variables
}
