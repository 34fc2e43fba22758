//! What a section holds, written in the manifest or in a JSON file: the
//! platform's `format`, `file` and inline key, the same in several sections.

use super::problem::Log;
use super::raw::{Item, Section};

/// Where a section's contents are.
#[derive(Debug)]
pub(super) enum Contents<'a> {
    /// `format = "inline-toml"`: this table.
    Inline(Item<'a>),
    /// `format = "json"`: the file that this string names.
    Json(Item<'a>),
}

const FORMATS: &[&str] = &["inline-toml", "json"];

/// Takes `format`, `file` and the key of the inline table out of a section.
/// `None` if they are wrong, which is noted; or if there are none, which is
/// noted when they are `required`.
pub(super) fn take<'a>(
    section: &mut Section<'a>,
    inline: &'static str,
    required: bool,
    log: &mut Log,
) -> Option<Contents<'a>> {
    let format = section.take("format");
    let table = section.take(inline);
    let file = section.take("file");
    let Some(format) = format else {
        if required || table.is_some() || file.is_some() {
            let help = "write `format = \"inline-toml\"` or `format = \"json\"`";
            log.error(section.problem("`format` is missing").help(help));
        }
        // What can be meant alone is looked at all the same.
        return match (table, file) {
            (Some(table), None) => Some(Contents::Inline(table)),
            (None, Some(file)) => Some(Contents::Json(file)),
            _ => None,
        };
    };
    let word = format.string(log)?;
    let (wanted, key, other) = match word.as_str() {
        "inline-toml" => (table.map(Contents::Inline), inline, file),
        "json" => (file.map(Contents::Json), "file", table),
        _ => {
            log.error(
                format
                    .problem(format!("`{word}` is not a format"))
                    .suggest(&word, FORMATS),
            );
            return None;
        }
    };
    if let Some(other) = other {
        log.warn(other.problem_at_key(format!("not used with format `{word}`")));
    }
    if wanted.is_none() {
        log.error(section.problem(format!("`{key}` is missing, which format `{word}` needs")));
    }
    wanted
}

/// Whether a store that is written as a table is meant as one of its entries,
/// which is noted: `[store]` instead of `[[store]]`.
pub(super) fn is_entry(item: &Item<'_>, what: &str, log: &mut Log) -> bool {
    let has = |key| item.value().get(key).is_some();
    if has("format") || !(has("key") || has("data")) {
        return false;
    }
    let problem = item.problem_at_key(format!("a store is an array of {what}"));
    let mend = if item.has_header() {
        format!("write `[[{}]]`, in double brackets", item.path())
    } else {
        format!(
            "write `{} = [{{ key = \"…\", data = \"…\" }}]`",
            item.name()
        )
    };
    log.error(problem.help(mend));
    true
}

/// The item of `file` in `{ file = "…", format = "json" }`; `what` has no
/// other format.
pub(super) fn json_file<'a>(item: Item<'a>, what: &str, log: &mut Log) -> Option<Item<'a>> {
    let mut section = item.section(log)?;
    let format = section.string("format", log);
    let file = section.take("file");
    if file.is_none() {
        log.error(section.problem("`file` is missing"));
    }
    match &format {
        Some((word, _)) if word == "json" => {}
        Some((word, item)) => log.error(
            item.problem(format!("`{word}` is not a format of {what}"))
                .suggest(word, &["json"]),
        ),
        None => log.error(
            section
                .problem("`format` is missing")
                .help("write `format = \"json\"`"),
        ),
    }
    section.finish(log);
    file
}
