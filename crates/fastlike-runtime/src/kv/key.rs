//! Keys of entries.

use crate::limits;

/// Why a text cannot be a key (ABI facts, section 12).
#[derive(thiserror::Error, Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KvKeyError {
    /// It is empty.
    #[error("a key cannot be empty")]
    Empty,
    /// It has more than 1024 bytes.
    #[error("a key has at most {} bytes", limits::KV_KEY)]
    TooLong,
    /// It has a character that no key may have.
    #[error("a key cannot contain {0:?}")]
    Character(char),
    /// It would mean another place in a path.
    #[error("a key cannot be `.` or `..`, nor contain them between slashes")]
    Dots,
    /// It is reserved for certificates.
    #[error("a key cannot begin with `.well-known/acme-challenge`")]
    Reserved,
}

/// Fails for what the platform does not take as a key.
pub(crate) fn check(key: &str) -> Result<(), KvKeyError> {
    if key.is_empty() {
        return Err(KvKeyError::Empty);
    }
    if key.len() > limits::KV_KEY {
        return Err(KvKeyError::TooLong);
    }
    let banned = |c| matches!(c, '\r' | '\n' | '#' | ';' | '?' | '^' | '|');
    if let Some(character) = key.chars().find(|c| banned(*c)) {
        return Err(KvKeyError::Character(character));
    }
    let mut characters = key.chars();
    if let (Some(only), None) = (characters.next(), characters.next())
        && matches!(only, '\0'..=' ' | '\u{fffe}' | '\u{ffff}')
    {
        return Err(KvKeyError::Character(only));
    }
    let dots = ["./", "../"];
    let ends = ["/.", "/.."];
    if matches!(key, "." | "..")
        || dots.iter().any(|dots| key.contains(dots))
        || ends.iter().any(|end| key.ends_with(end))
    {
        return Err(KvKeyError::Dots);
    }
    if key.starts_with(".well-known/acme-challenge") {
        return Err(KvKeyError::Reserved);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_the_platform_takes() {
        let longest = "k".repeat(limits::KV_KEY);
        for good in ["a", "users/7", "ä€😀", "...", "a.b", "a b", &longest] {
            assert_eq!(check(good), Ok(()), "{good:?}");
        }
        let bad = [
            ("", KvKeyError::Empty),
            (&"k".repeat(limits::KV_KEY + 1), KvKeyError::TooLong),
            ("a\nb", KvKeyError::Character('\n')),
            ("a#b", KvKeyError::Character('#')),
            ("a|b", KvKeyError::Character('|')),
            (" ", KvKeyError::Character(' ')),
            ("\u{ffff}", KvKeyError::Character('\u{ffff}')),
            (".", KvKeyError::Dots),
            ("..", KvKeyError::Dots),
            ("a/../b", KvKeyError::Dots),
            ("a/.", KvKeyError::Dots),
            (".well-known/acme-challenge/x", KvKeyError::Reserved),
        ];
        for (key, why) in bad {
            assert_eq!(check(key), Err(why), "{key:?}");
        }
    }
}
