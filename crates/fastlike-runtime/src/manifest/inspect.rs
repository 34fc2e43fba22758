//! `[local_server.inspect]`: the verdict on requests that the program has
//! inspected. The section is fastlike's own.

use super::problem::Log;
use super::raw::Section;
use crate::inspect::{Decision, Verdict};

pub(super) fn read(local: &mut Section<'_>, log: &mut Log) -> Option<Verdict> {
    let mut section = local.section("inspect", log)?;
    let decision = match section.string("verdict", log) {
        Some((word, item)) => match word.as_str() {
            "" => {
                let problem = item.problem("a verdict is a word");
                log.error(problem.help("leave `verdict` out for \"allow\""));
                Decision::Allow
            }
            "allow" => Decision::Allow,
            "block" => Decision::Block,
            "unauthorized" => Decision::Unauthorized,
            _ => Decision::Other(word),
        },
        None => Decision::Allow,
    };
    let usual = match decision {
        Decision::Block => 406,
        Decision::Allow | Decision::Unauthorized | Decision::Other(_) => 200,
    };
    let status = section.take("status").and_then(|item| {
        let status = item.integer(log)?;
        let fits = u16::try_from(status)
            .ok()
            .filter(|s| (100..=999).contains(s));
        fits.or_else(|| item.expected("a status from 100 to 999", log))
    });
    let mut verdict = Verdict::new(decision, status.unwrap_or(usual));
    if let Some((url, _)) = section.string("redirect_url", log) {
        verdict.redirect_url = url;
    }
    if let Some(item) = section.take("tags") {
        if item.value().as_array().is_none() {
            item.expected::<()>("an array of strings", log);
        }
        let tags = item.elements();
        verdict.tags = tags.iter().filter_map(|tag| tag.string(log)).collect();
    }
    section.finish(log);
    Some(verdict)
}
