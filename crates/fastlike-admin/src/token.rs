//! [`Token`]: what a client must know.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use crate::limits;

/// The secret that a client must send to read or write. Never shown, but by
/// [`Token::as_str`].
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

/// A token that cannot be used.
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
#[error(
    "an admin token has {} to {} visible ASCII characters",
    limits::TOKEN_LEAST,
    limits::TOKEN
)]
pub struct TokenError;

impl Token {
    /// A new one, of 32 random letters and digits (160 bits).
    pub fn random() -> Self {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz2345678";
        let mut bytes = Zeroizing::new([0; 32]);
        // The system's generator fails only where nothing works.
        #[expect(clippy::expect_used, reason = "without randomness there is no secret")]
        aws_lc_rs::rand::fill(bytes.as_mut_slice()).expect("the system has a random generator");
        let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
        Self(Zeroizing::new(bytes.iter().map(letter).collect()))
    }

    /// One that was agreed on elsewhere.
    ///
    /// # Errors
    /// Unless it has 8 to 1024 visible ASCII characters, as a header can carry.
    pub fn new(token: impl Into<String>) -> Result<Self, TokenError> {
        let token = Zeroizing::new(token.into());
        let fits = (limits::TOKEN_LEAST..=limits::TOKEN).contains(&token.len());
        if fits && token.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(token))
        } else {
            Err(TokenError)
        }
    }

    /// The token itself, to be told to those who may know it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether these are the same, in a time that tells nothing of where they
    /// differ.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), given).is_ok()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_token_is_long_and_never_the_same() {
        let (one, two) = (Token::random(), Token::random());
        assert_eq!(one.as_str().len(), 32);
        assert!(one.as_str().bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_ne!(one.as_str(), two.as_str());
        assert!(one.is(one.as_str().as_bytes()) && !one.is(two.as_str().as_bytes()));
        assert_eq!(format!("{one:?}"), "Token(***)");
    }

    #[test]
    fn a_chosen_token_has_a_length_and_visible_characters() {
        let good = |token: &str| Token::new(token).is_ok();
        assert!(good(&"t".repeat(limits::TOKEN_LEAST)) && good(&"t".repeat(limits::TOKEN)));
        assert!(!good(&"t".repeat(limits::TOKEN_LEAST - 1)));
        assert!(!good(&"t".repeat(limits::TOKEN + 1)));
        assert!(!good("with a blank") && !good("tökentöken") && !good(""));
    }

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = Token::new("correct-token").expect("a token");
        assert!(token.is(b"correct-token"));
        for wrong in ["", "correct-toke", "correct-token ", "Correct-token"] {
            assert!(!token.is(wrong.as_bytes()), "{wrong:?}");
        }
    }
}
