//! Listings in pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::answer::Problem;
use crate::request::Asked;

/// Entries of a page, if a client does not say how many.
const USUAL: usize = 100;
/// Entries of a page, however many a client asks for.
const MOST: usize = 1_000;

/// Which part of a listing a client asks for.
#[derive(Debug)]
pub(crate) struct Page {
    limit: usize,
    after: Option<String>,
}

impl Page {
    /// From the parameters `limit` and `cursor`.
    pub(crate) fn asked(asked: &Asked) -> Result<Self, Problem> {
        let limit = asked.number("limit")?.filter(|limit| *limit > 0);
        let wrong = || Problem::bad_request("the cursor is none that a listing gave");
        let cursor = asked.query("cursor").filter(|cursor| !cursor.is_empty());
        let after = cursor.map(|cursor| {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
            String::from_utf8(bytes).map_err(|_| wrong())
        });
        Ok(Self {
            limit: limit.unwrap_or(USUAL).min(MOST),
            after: after.transpose()?,
        })
    }

    /// The part of these names, which are in order, and what is said of it.
    pub(crate) fn of(&self, mut names: Vec<String>) -> (Vec<String>, Value) {
        if let Some(after) = &self.after {
            names.retain(|name| name > after);
        }
        let mut meta = json!({ "limit": self.limit });
        if names.len() > self.limit {
            names.truncate(self.limit);
            if let (Some(last), Some(meta)) = (names.last(), meta.as_object_mut()) {
                let cursor = URL_SAFE_NO_PAD.encode(last);
                meta.insert("next_cursor".to_owned(), cursor.into());
            }
        }
        (names, meta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::tests::asked;

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let names: Vec<String> = (0..25).map(|n| format!("name {n:02}/ü")).collect();
        let mut seen = Vec::new();
        let mut uri = "/?limit=10".to_owned();
        loop {
            let page = Page::asked(&asked(&uri)).expect("a page");
            let (part, meta) = page.of(names.clone());
            assert!(part.len() <= 10);
            seen.extend(part);
            let Some(cursor) = meta.get("next_cursor") else {
                break;
            };
            uri = format!("/?limit=10&cursor={}", cursor.as_str().expect("text"));
        }
        assert_eq!(seen, names);
    }

    #[test]
    fn a_page_has_at_most_a_thousand_and_100_by_itself() {
        let names: Vec<String> = (0..2_000).map(|n| format!("{n:04}")).collect();
        let length = |uri| {
            let page = Page::asked(&asked(uri)).expect("a page");
            page.of(names.clone()).0.len()
        };
        assert_eq!(length("/"), USUAL);
        assert_eq!(length("/?limit=0"), USUAL);
        assert_eq!(length("/?limit=1000"), MOST);
        assert_eq!(length("/?limit=1001"), MOST);
        assert!(Page::asked(&asked("/?cursor=%21")).is_err());
    }
}
