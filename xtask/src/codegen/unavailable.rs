//! The runtime's list of hostcalls that are linked and not implemented, read from its source:
//! entries of the form `("fastly_kv_store", "open", Status::Inval, "reason"),`.

use std::collections::BTreeMap;
use std::fs;
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use witx::Module;

use crate::shell::root;

const SOURCE: &str = "crates/fastlike-runtime/src/hostcalls/unavailable.rs";

/// What each missing function answers, by module and name.
pub(super) struct Unavailable(BTreeMap<(String, String), String>);

/// Reads the list. Without its file, there is nothing that is not available.
pub(super) fn load() -> Result<Unavailable> {
    let path = root().join(SOURCE);
    if !path.exists() {
        eprintln!("{SOURCE} is not there: every function is shown as working");
        return Ok(Unavailable(BTreeMap::new()));
    }
    parse(&fs::read_to_string(path)?).context(SOURCE)
}

impl Unavailable {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What the function answers, if it is not available.
    pub(super) fn find(&self, module: &str, function: &str) -> Option<&str> {
        let key = (module.to_owned(), function.to_owned());
        self.0.get(&key).map(String::as_str)
    }

    /// Fails for an entry that the witx does not have.
    pub(super) fn check(&self, modules: &[Rc<Module>]) -> Result<()> {
        for (module, function) in self.0.keys() {
            let mut known = modules
                .iter()
                .filter(|known| known.name.as_str() == module)
                .flat_map(|known| known.funcs());
            if !known.any(|known| known.name.as_str() == function) {
                bail!("{SOURCE} names `{module}::{function}`, which the witx does not have");
            }
        }
        Ok(())
    }
}

/// Reads the entries, which rustfmt may have spread over several lines.
fn parse(source: &str) -> Result<Unavailable> {
    let mut entries = BTreeMap::new();
    for (at, _) in source.match_indices('(') {
        let mut tokens = Tokens(source.get(at + 1..).unwrap_or_default());
        let Some(module) = tokens.string().filter(|name| name.starts_with("fastly_")) else {
            continue;
        };
        let read = (tokens.string(), tokens.status(), tokens.string());
        let (Some(function), Some(status), Some(reason)) = read else {
            let line = source.get(..at).unwrap_or_default().lines().count();
            bail!(
                "line {line}: an entry for `{module}` that is not (module, name, Status::…, reason)"
            );
        };
        let answer = match reason.as_str() {
            "" => format!("answers {status}"),
            reason => format!("answers {status} ({reason})"),
        };
        entries.insert((module, function), answer);
    }
    Ok(Unavailable(entries))
}

/// What is left of an entry.
struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    /// The next item, a string literal without escapes.
    fn string(&mut self) -> Option<String> {
        let (text, rest) = self.item().strip_prefix('"')?.split_once('"')?;
        self.0 = rest;
        Some(text.to_owned())
    }

    /// The next item, a status, in the words of the ABI.
    fn status(&mut self) -> Option<String> {
        let rest = self.item().strip_prefix("Status::")?;
        let end = rest.find(|c: char| !c.is_alphanumeric())?;
        let (name, rest) = rest.split_at(end);
        self.0 = rest;
        Some(name.to_uppercase())
    }

    fn item(&self) -> &'a str {
        self.0
            .trim_start_matches(|c: char| c.is_whitespace() || c == ',')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_however_they_are_laid_out() {
        let source = r#"
            const UNAVAILABLE: &[(&str, &str, Status, &str)] = &[
                ("fastly_kv_store", "open", Status::Inval, "KV stores, for one"),
                (
                    "fastly_cache",
                    "lookup",
                    Status::Unsupported,
                    "",
                ),
            ];
        "#;
        let list = parse(source).unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(
            list.find("fastly_kv_store", "open"),
            Some("answers INVAL (KV stores, for one)")
        );
        assert_eq!(
            list.find("fastly_cache", "lookup"),
            Some("answers UNSUPPORTED")
        );
        assert_eq!(list.find("fastly_cache", "insert"), None);
    }

    #[test]
    fn an_entry_of_another_form_is_an_error() {
        assert!(parse("(\"fastly_cache\", \"lookup\", 5, \"\")").is_err());
    }
}
