//! Parsing user agents: family and version of the browser.

use std::sync::{Arc, LazyLock};

use ua_parser::user_agent::{Extractor, Parser};

use crate::meter::FirstTime;

/// What a user agent says of its browser; empty where nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct UserAgent {
    pub family: String,
    pub major: String,
    pub minor: String,
    pub patch: String,
}

/// Parses user agents for `fastly_uap::parse`. Closures `Fn(&str) ->
/// UserAgent` implement it.
pub trait UserAgentParser: Send + Sync + 'static {
    /// Family and version of the browser.
    fn parse(&self, user_agent: &str) -> UserAgent;
}

impl<F: Fn(&str) -> UserAgent + Send + Sync + 'static> UserAgentParser for F {
    fn parse(&self, user_agent: &str) -> UserAgent {
        self(user_agent)
    }
}

/// How a service parses user agents.
pub(crate) struct UserAgents {
    pub(crate) parser: Arc<dyn UserAgentParser>,
    /// The rules are built then, which takes a tenth of a second.
    pub(crate) first: FirstTime,
}

impl UserAgents {
    pub(crate) fn new(parser: Arc<dyn UserAgentParser>) -> Self {
        Self {
            parser,
            first: FirstTime::default(),
        }
    }
}

/// uap-core's rules, the data behind most user-agent parsers.
pub(crate) struct UapCore;

/// The `user_agent_parsers` of uap-core's `regexes.yaml` as JSON; `data/README.md`
/// says how it is made.
const RULES: &str = include_str!("../data/user_agent_parsers.json");

// Some hundred regular expressions: built on the first use only.
static EXTRACTOR: LazyLock<Option<Extractor<'static>>> = LazyLock::new(|| {
    let rules: Vec<Parser<'static>> = serde_json::from_str(RULES).ok()?;
    let mut builder = ua_parser::user_agent::Builder::new();
    for rule in rules {
        builder = builder.push(rule).ok()?;
    }
    builder.build().ok()
});

impl UserAgentParser for UapCore {
    fn parse(&self, user_agent: &str) -> UserAgent {
        let Some(found) = EXTRACTOR
            .as_ref()
            .and_then(|extractor| extractor.extract(user_agent))
        else {
            return UserAgent {
                family: "Other".to_owned(),
                ..UserAgent::default()
            };
        };
        let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
        UserAgent {
            family: found.family.into_owned(),
            major: text(found.major),
            minor: text(found.minor),
            patch: text(found.patch),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart_and_nonsense_is_other() {
        let firefox = UapCore
            .parse("Mozilla/5.0 (X11; Linux x86_64; rv:76.0) Gecko/20100101 Firefox/76.1.15");
        let parts = [firefox.family, firefox.major, firefox.minor, firefox.patch];
        assert_eq!(parts, ["Firefox", "76", "1", "15"]);
        assert_eq!(UapCore.parse("no browser").family, "Other");
    }
}
