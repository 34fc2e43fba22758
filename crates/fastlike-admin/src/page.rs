//! Listings in pages.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::answer::Problem;
use crate::request::Asked;

/// Entries of a page, if a client does not say how many.
const USUAL: usize = 100;
/// Entries of a page, however many a client asks for.
const MOST: usize = 1_000;

/// Which part of a listing a client asks for: what comes after the key that the
/// last part ended with.
#[derive(Debug)]
pub(crate) struct Page<K> {
    limit: usize,
    after: Option<K>,
}

impl<K: Ord + FromStr + ToString> Page<K> {
    /// From the parameters `limit` and `cursor`.
    pub(crate) fn asked(asked: &Asked) -> Result<Self, Problem> {
        let limit = asked.number("limit")?.filter(|limit| *limit > 0);
        let cursor = asked.query("cursor").filter(|cursor| !cursor.is_empty());
        let wrong = || Problem::bad_request("the cursor is none that a listing gave");
        let after = match cursor {
            Some(cursor) => Some(key(&cursor).ok_or_else(wrong)?),
            None => None,
        };
        Ok(Self {
            limit: limit.unwrap_or(USUAL).min(MOST),
            after,
        })
    }

    /// The part of these entries, which are in the order of their keys, and
    /// what is said of it. Entries may come and go between two parts.
    pub(crate) fn of<T>(&self, mut all: Vec<T>, key: impl Fn(&T) -> &K) -> (Vec<T>, Value) {
        if let Some(after) = &self.after {
            let start = all.partition_point(|entry| key(entry) <= after);
            all.drain(..start);
        }
        let mut meta = json!({ "limit": self.limit });
        if all.len() > self.limit {
            all.truncate(self.limit);
            if let (Some(last), Some(meta)) = (all.last(), meta.as_object_mut()) {
                let cursor = URL_SAFE_NO_PAD.encode(key(last).to_string());
                meta.insert("next_cursor".to_owned(), cursor.into());
            }
        }
        (all, meta)
    }
}

/// The key that a cursor stands for.
fn key<K: FromStr>(cursor: &str) -> Option<K> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    String::from_utf8(bytes).ok()?.parse().ok()
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
            let page = Page::<String>::asked(&asked(&uri)).expect("a page");
            let (part, meta) = page.of(names.clone(), |name| name);
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
    fn a_listing_goes_on_where_its_last_entry_was_removed() {
        let page = Page::asked(&asked("/?limit=2")).expect("a page");
        let (part, meta) = page.of(vec![1, 2, 3, 4], |number| number);
        assert_eq!(part, [1, 2]);
        let cursor = meta["next_cursor"].as_str().expect("text");
        let page = Page::asked(&asked(&format!("/?cursor={cursor}"))).expect("a page");
        assert_eq!(page.of(vec![1, 3, 4], |number| number).0, [3, 4]);
    }

    #[test]
    fn a_page_has_at_most_a_thousand_and_100_by_itself() {
        let names: Vec<String> = (0..2_000).map(|n| format!("{n:04}")).collect();
        let length = |uri| {
            let page = Page::<String>::asked(&asked(uri)).expect("a page");
            page.of(names.clone(), |name| name).0.len()
        };
        assert_eq!(length("/"), USUAL);
        assert_eq!(length("/?limit=0"), USUAL);
        assert_eq!(length("/?limit=1000"), MOST);
        assert_eq!(length("/?limit=1001"), MOST);
        assert!(Page::<String>::asked(&asked("/?cursor=%21")).is_err());
    }
}
